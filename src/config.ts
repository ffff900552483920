// The environment, read once and frozen. The only file that knows `process.env`. Every problem is collected and said
// at once (exit status 78 in main), with the variable's name and what to write instead; nothing is guessed.

import ipaddr from 'ipaddr.js';
import { type LogLevel, logLevels } from './platform/logger.ts';
import type { RateLimit } from './platform/rate-limits.ts';

export const roles = ['api', 'console', 'worker'] as const;
export type Role = (typeof roles)[number];
export type Environment = 'simulator' | 'sandbox' | 'production';

export interface Config {
  nodeEnv: string;
  logLevel: LogLevel;
  host: string;
  port: number;
  roles: readonly Role[];
  dataDir: string;
  databaseUrl: string;
  redisUrl: string | null;
  /** Begins every Redis key and channel, so that several installations may share one Redis. */
  redisPrefix: string;
  autoMigrate: boolean;
  publicUrl: string;
  /** 32-byte keys, newest first; null when they are to be read from (or made in) the data folder. */
  masterKeys: readonly Buffer[] | null;
  darajaUrls: Readonly<Record<Environment, string>>;
  darajaTimeoutMs: number;
  /** Addresses or CIDRs that may call back; null means Safaricom's list in production and any elsewhere. */
  callbackAllowedIps: readonly string[] | null;
  callbackIpMode: 'enforce' | 'log';
  trustedProxies: readonly string[];
  webhookAllowNetworks: readonly string[];
  webhookTimeoutMs: number;
  rateLimitPerKey: RateLimit;
  pushRatePerShortcode: RateLimit;
  queryRatePerCredential: Readonly<Record<Environment, RateLimit>>;
  /** Whether what settles money by hand needs a second person. */
  needsTwoPersons: boolean;
  alertWebhookUrl: string | null;
  smtpUrl: string | null;
  alertEmail: string | null;
}

/** Thrown by {@link readConfig}: every problem of the environment, one sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} problem(s):\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment (api.md, Environment).
 * @param overrides what the command line said, in the environment's own words (`PORT`, `ROLES`)
 * @throws ConfigError with all problems at once
 */
export function readConfig(env: Env = process.env, overrides: Env = {}): Config {
  const read = new EnvReader({ ...env, ...overrides });
  const nodeEnv = read.text('NODE_ENV') ?? 'development';
  const port = read.integer('PORT', 8080, 0, 65_535);
  const databaseUrl = read.databaseUrl('DATABASE_URL', `sqlite:${read.text('DATA_DIR') ?? './data'}/lango.db`);
  const query = read.rate('QUERY_RATE_PER_CREDENTIAL');
  const config: Config = {
    nodeEnv,
    logLevel: read.oneOf('LOG_LEVEL', logLevels, 'info'),
    host: read.text('HOST') ?? '127.0.0.1',
    port,
    roles: read.roles('ROLES'),
    dataDir: read.text('DATA_DIR') ?? './data',
    databaseUrl,
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:']),
    redisPrefix: read.text('REDIS_KEY_PREFIX') ?? 'lango',
    autoMigrate: read.boolean('AUTO_MIGRATE', databaseUrl.startsWith('sqlite:')),
    publicUrl: (read.url('PUBLIC_URL', ['http:', 'https:']) ?? `http://127.0.0.1:${port}`).replace(/\/+$/, ''),
    masterKeys: read.masterKeys('MASTER_KEY'),
    darajaUrls: Object.freeze({
      sandbox: read.url('DARAJA_SANDBOX_URL', ['http:', 'https:']) ?? 'https://sandbox.safaricom.co.ke',
      production: read.url('DARAJA_PRODUCTION_URL', ['http:', 'https:']) ?? 'https://api.safaricom.co.ke',
      simulator: read.url('DARAJA_SIMULATOR_URL', ['http:', 'https:']) ?? 'http://127.0.0.1:8090',
    }),
    darajaTimeoutMs: read.integer('DARAJA_TIMEOUT_MS', 15_000, 100, 120_000),
    callbackAllowedIps: read.networks('CALLBACK_ALLOWED_IPS'),
    callbackIpMode: read.oneOf('CALLBACK_IP_MODE', ['enforce', 'log'] as const, 'enforce'),
    trustedProxies: read.networks('TRUSTED_PROXIES') ?? [],
    webhookAllowNetworks: read.networks('WEBHOOK_ALLOW_NETWORKS') ?? [],
    webhookTimeoutMs: read.integer('WEBHOOK_TIMEOUT_MS', 10_000, 100, 60_000),
    rateLimitPerKey: read.rate('RATE_LIMIT_PER_KEY') ?? { points: 100, windowSeconds: 1 },
    pushRatePerShortcode: read.rate('PUSH_RATE_PER_SHORTCODE') ?? { points: 50, windowSeconds: 1 },
    queryRatePerCredential: Object.freeze({
      simulator: query ?? { points: 5, windowSeconds: 60 },
      sandbox: query ?? { points: 5, windowSeconds: 60 },
      production: query ?? { points: 60, windowSeconds: 60 },
    }),
    needsTwoPersons: read.boolean('TWO_PERSONS', true),
    alertWebhookUrl: read.url('ALERT_WEBHOOK_URL', ['http:', 'https:']),
    smtpUrl: read.url('SMTP_URL', ['smtp:', 'smtps:']),
    alertEmail: read.emails('ALERT_EMAIL'),
  };
  if (nodeEnv === 'production') refuseUnsafeDefaults(config, read);
  refuseHalfAnEmail(config, read);
  if (config.databaseUrl.startsWith('sqlite:') && config.redisUrl === null && read.text('ROLES') !== null) {
    if (!config.roles.includes('worker') || !config.roles.includes('api')) {
      read.problem(
        'ROLES',
        'SQLite serves one process only, which needs both `api` and `worker`; set DATABASE_URL to MySQL and REDIS_URL to split them',
      );
    }
  }
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return Object.freeze(config);
}

function refuseUnsafeDefaults(config: Config, read: EnvReader): void {
  if (config.masterKeys === null)
    read.problem(
      'MASTER_KEY',
      'is required when NODE_ENV=production; make one with `openssl rand -base64 32` and keep a copy apart from the database',
    );
  if (read.text('PUBLIC_URL') === null)
    read.problem(
      'PUBLIC_URL',
      'is required when NODE_ENV=production: Safaricom calls back to it, for example https://pay.example.co.ke',
    );
  if (config.callbackIpMode === 'log' && config.callbackAllowedIps === null)
    read.problem(
      'CALLBACK_IP_MODE',
      '`log` lets anybody call back; set CALLBACK_ALLOWED_IPS with it, or leave it at `enforce`',
    );
}

/** Alerts that nobody is sent would be missed only on the day they matter. */
function refuseHalfAnEmail(config: Config, read: EnvReader): void {
  if (config.smtpUrl !== null && read.text('ALERT_EMAIL') === null)
    read.problem('ALERT_EMAIL', 'is missing: SMTP_URL is set, so write who is told, for example ops@example.co.ke');
  if (config.alertEmail !== null && read.text('SMTP_URL') === null)
    read.problem(
      'SMTP_URL',
      'is missing: ALERT_EMAIL is set, so write the mail server, for example smtps://user:password@mail.example.co.ke',
    );
}

/** Reads one variable at a time and remembers what was wrong. An empty variable counts as not set. */
class EnvReader {
  readonly problems: string[] = [];
  private readonly env: Env;
  constructor(env: Env) {
    this.env = env;
  }

  problem(name: string, sentence: string): void {
    this.problems.push(`${name} ${sentence}`);
  }

  text(name: string): string | null {
    const value = this.env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `is "${text}"; it must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  boolean(name: string, fallback: boolean): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined) return fallback;
    if (['true', '1', 'yes'].includes(text)) return true;
    if (['false', '0', 'no'].includes(text)) return false;
    this.problem(name, `is "${text}"; write true or false`);
    return fallback;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const text = this.text(name);
    if (text === null) return fallback;
    const found = allowed.find((value) => value === text);
    if (found !== undefined) return found;
    this.problem(name, `is "${text}"; it must be one of ${allowed.join(', ')}`);
    return fallback;
  }

  url(name: string, protocols: readonly string[]): string | null {
    const text = this.text(name);
    if (text === null) return null;
    const hasMore =
      /[?#]/.test(text) &&
      !protocols.includes('redis:') &&
      !protocols.includes('smtp:') &&
      name !== 'ALERT_WEBHOOK_URL';
    if (hasMore) this.problem(name, 'must end before any ? or #: paths are added to it');
    if (hasMore) return null;
    // The address of alerts is used as it is: to some receivers a last slash makes another address.
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol))
      return name === 'ALERT_WEBHOOK_URL' ? text : text.replace(/\/+$/, '');
    this.problem(name, `is not a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`);
    return null;
  }

  emails(name: string): string | null {
    const text = this.text(name);
    if (text === null) return null;
    const bad = text.split(',').filter((address) => !/^[^\s@<>()[\]:;"\\]+@[^\s@<>()[\]:;"\\]+$/.test(address.trim()));
    if (bad.length === 0) return text;
    this.problem(name, `has "${bad.join('", "')}"; write addresses such as ops@example.co.ke, separated by commas`);
    return null;
  }

  databaseUrl(name: string, fallback: string): string {
    const text = this.text(name);
    if (text === null) return fallback;
    if (/^sqlite:.+/.test(text)) return text;
    if (URL.canParse(text) && /^(mysql|mariadb):$/.test(new URL(text).protocol) && new URL(text).pathname.length > 1)
      return text;
    this.problem(name, 'must be sqlite:PATH or mysql://user:password@host:port/name');
    return fallback;
  }

  roles(name: string): readonly Role[] {
    const text = this.text(name);
    if (text === null) return roles;
    const wanted = text.split(',').map((role) => role.trim());
    const known = roles.filter((role) => wanted.includes(role));
    if (known.length === wanted.length) return known;
    this.problem(name, `is "${text}"; list some of ${roles.join(', ')}, separated by commas`);
    return roles;
  }

  masterKeys(name: string): readonly Buffer[] | null {
    const text = this.text(name);
    if (text === null) return null;
    const keys = text.split(',').map((key) => Buffer.from(key.trim(), 'base64'));
    if (keys.every((key) => key.length === 32)) return keys;
    this.problem(
      name,
      'must be 32 bytes in base64 (several: comma-separated, newest first); make one with `openssl rand -base64 32`',
    );
    return null;
  }

  networks(name: string): readonly string[] | null {
    const text = this.text(name);
    if (text === null) return null;
    const networks = text.split(',').map((network) => network.trim());
    const bad = networks.filter((network) => !ipaddr.isValid(network) && !ipaddr.isValidCIDR(network));
    if (bad.length === 0) return networks;
    this.problem(name, `has ${bad.join(', ')}, which is neither an address nor a CIDR such as 10.0.0.0/8`);
    return null;
  }

  /** `100;w=1`: 100 in each second (the form of the RateLimit-Policy header). */
  rate(name: string): RateLimit | null {
    const text = this.text(name);
    if (text === null) return null;
    const match = /^(\d{1,7});w=(\d{1,5})$/.exec(text);
    if (match !== null && Number(match[1]) > 0 && Number(match[2]) > 0)
      return { points: Number(match[1]), windowSeconds: Number(match[2]) };
    this.problem(name, `is "${text}"; write requests;w=seconds, for example 100;w=1`);
    return null;
  }
}

// `lango doctor` (api.md, Command line): looks at everything a server needs and says of each thing whether it is well
// and what to do if not. It makes, migrates and repairs nothing. Exit status 1 if there is a problem.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type Config, ConfigError, readConfig } from '../src/config.ts';
import { createAccessTokens } from '../src/mpesa/access-tokens.ts';
import { checkCallbackUrl } from '../src/mpesa/callback-url-rules.ts';
import { checkCredentials } from '../src/mpesa/check-credentials.ts';
import { createDaraja } from '../src/mpesa/daraja.ts';
import { classifyTokenAnswer } from '../src/mpesa/daraja-answers.ts';
import { createDarajaClient } from '../src/mpesa/daraja-client.ts';
import { listEnvironmentsAcrossTenants } from '../src/mpesa/diagnosis-store.ts';
import type { Environment } from '../src/mpesa/shortcode-store.ts';
import { type Check, hasProblem, inWords, ok, problem, warning } from '../src/platform/check-report.ts';
import {
  checkClock,
  checkDatabase,
  checkDataFolder,
  checkMasterKey,
  checkRedis,
  readKeyFile,
} from '../src/platform/check-services.ts';
import { systemClock } from '../src/platform/clock.ts';
import { type Db, openDatabase } from '../src/platform/database.ts';
import { silentLogger } from '../src/platform/logger.ts';
import { connectRedis, type RedisConnections } from '../src/platform/redis.ts';
import { createSealer, type Sealer } from '../src/platform/sealing.ts';
import { createInProcessCache, createRedisCache } from '../src/platform/shared-cache.ts';

const mostShortcodes = 20;
const patienceMs = 5000;

type Env = Readonly<Record<string, string | undefined>>;

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'check configuration, database, Redis, clock, callback URL and credentials; exit status 1 if there is a problem',
    )
    .option('--no-network', 'ask nothing of Safaricom')
    .option('--json', 'print one JSON object')
    .action(async ({ network, json }: { network: boolean; json?: boolean }) => {
      const checks = await diagnose(process.env, network);
      process.stdout.write(
        json === true ? `${JSON.stringify({ ok: !hasProblem(checks), checks })}\n` : `${inWords(checks)}\n`,
      );
      if (hasProblem(checks)) process.exitCode = 1;
    });
}

/** All checks, in the order in which to mend things. */
export async function diagnose(env: Env, hasNetwork: boolean): Promise<Check[]> {
  let config: Config;
  try {
    config = readConfig(env);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems.map((sentence) =>
      problem('configuration', sentence, 'Set the variable right; the rest is checked then.'),
    );
  }
  const checks = [
    ok('configuration', `${config.nodeEnv}, roles ${config.roles.join(', ')}`),
    await checkDataFolder(config),
  ];
  const sqliteFile = /^sqlite:(?!:memory:)(.*)/.exec(config.databaseUrl)?.[1];
  if (sqliteFile !== undefined && !existsSync(sqliteFile)) {
    const notYet = warning(
      'database',
      `there is no ${sqliteFile} yet`,
      'It is made at the first start. If there was one, check DATABASE_URL and DATA_DIR.',
    );
    return [...checks, notYet, ...checkUrl(config, [])];
  }
  const db = openDatabase(config.databaseUrl, 2);
  const redis = config.redisUrl === null ? null : connectRedis(config.redisUrl, silentLogger);
  try {
    return [...checks, ...(await diagnoseServices(config, db, redis, hasNetwork))];
  } finally {
    await redis?.close();
    await db.destroy();
  }
}

async function diagnoseServices(
  config: Config,
  db: Db,
  redis: RedisConnections | null,
  hasNetwork: boolean,
): Promise<Check[]> {
  const { checks, facts, isMigrated } = await checkDatabase(db, config);
  const keys = config.masterKeys ?? (await readKeyFile(config.dataDir));
  const sealer = keys === null ? null : createSealer(keys);
  checks.push(await checkMasterKey(config, facts === null ? null : db, sealer));
  if (redis !== null) checks.push(await checkRedis(redis));
  else if (!config.databaseUrl.startsWith('sqlite:'))
    checks.push(
      warning('redis', 'there is none', 'Enough for one process. Set REDIS_URL before you start a second one.'),
    );
  const environments = isMigrated ? await listEnvironmentsAcrossTenants(db) : [];
  const asked: Environment[] = environments.length === 0 ? [] : environments;
  const others = facts?.nowMs == null ? [] : [{ who: 'the database', theirMs: facts.nowMs, ourMs: Date.now() }];
  const theirs = hasNetwork
    ? await Promise.all(asked.map((environment) => askTheTime(environment, config.darajaUrls[environment])))
    : [];
  checks.push(checkClock([...others, ...theirs.filter((time) => time !== null)]));
  checks.push(...checkUrl(config, environments));
  if (!isMigrated || sealer === null) return checks;
  if (!hasNetwork) return [...checks, ok('credentials', 'not checked (--no-network)')];
  return [...checks, ...(await testCredentials(config, db, sealer, redis))];
}

function checkUrl({ publicUrl }: Config, environments: readonly Environment[]): Check[] {
  const findings = checkCallbackUrl(publicUrl, environments);
  const advice = 'Set PUBLIC_URL to a public https address in small letters, for example https://pay.example.co.ke';
  if (findings.length === 0)
    return [
      ok(
        'callback URL',
        `${publicUrl}${environments.some((one) => one !== 'simulator') ? '' : '; enough for the simulator'}`,
      ),
    ];
  return findings.map(({ severity, detail }) => ({
    name: 'callback URL',
    status: severity,
    detail: `${publicUrl}: ${detail}`,
    advice,
  }));
}

/** What an environment's Date header says; null when it does not answer. Its resolution is a second. */
async function askTheTime(
  environment: Environment,
  url: string,
): Promise<{ who: string; theirMs: number; ourMs: number } | null> {
  try {
    const startedAt = Date.now();
    const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(patienceMs) });
    const theirMs = Date.parse(response.headers.get('Date') ?? '');
    return Number.isNaN(theirMs)
      ? null
      : { who: `M-PESA (${environment})`, theirMs: theirMs + 500, ourMs: (startedAt + Date.now()) / 2 };
  } catch {
    return null;
  }
}

/** A new token voids the one the servers hold, so it is put where they look for the next: into their Redis. */
async function testCredentials(
  config: Config,
  db: Db,
  sealer: Sealer,
  redis: RedisConnections | null,
): Promise<Check[]> {
  const name = 'credentials';
  const client = createDarajaClient({ clock: systemClock, timeoutMs: config.darajaTimeoutMs });
  const cache =
    redis === null ? createInProcessCache(systemClock) : createRedisCache(redis.commands, config.redisPrefix);
  const tokens = createAccessTokens({
    clock: systemClock,
    cache,
    sealer,
    fetchToken: async (credentials) => classifyTokenAnswer(await client.fetchAccessToken(credentials)),
  });
  try {
    const { findings, total } = await checkCredentials(
      { db, sealer, daraja: createDaraja({ tokens, client }), darajaUrls: config.darajaUrls },
      mostShortcodes,
    );
    if (total === 0) return [warning(name, 'there is no shortcode yet', 'Add one: lango shortcodes add --help')];
    const checks = findings.map(({ shortcode, outcome, detail }): Check => {
      const said = `${shortcode.shortcode} (${shortcode.environment}, ${shortcode.id}): ${detail}`;
      if (outcome === 'accepted') return ok(name, said);
      if (outcome === 'refused')
        return problem(
          name,
          said,
          'Compare consumer key, consumer secret and passkey with Safaricom’s portal, and add the shortcode again.',
        );
      if (outcome === 'unreadable')
        return problem(name, said, 'The key ring lacks the key they were sealed with: see master key.');
      return warning(
        name,
        said,
        `Try again; if it goes on, check the way from here to ${config.darajaUrls[shortcode.environment]}.`,
      );
    });
    return total > findings.length
      ? [...checks, ok(name, `${total - findings.length} more shortcodes were not checked`)]
      : checks;
  } finally {
    await client.close();
  }
}

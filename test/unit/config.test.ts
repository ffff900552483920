// The environment as a frozen configuration: every default of api.md, and every problem told at once.

import { expect } from 'chai';
import { ConfigError, readConfig } from '../../src/config.ts';

const key = Buffer.alloc(32, 1).toString('base64');

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    return thrown.problems;
  }
}

/** The variables that have a problem. */
const wrong = (env: Record<string, string>): string[] => problemsOf(env).map((problem) => problem.split(' ')[0]!);

describe('readConfig', () => {
  it('needs no variable at all: everything has its default', () => {
    const config = readConfig({});
    expect(config).to.include({
      nodeEnv: 'development',
      logLevel: 'info',
      host: '127.0.0.1',
      port: 8080,
      dataDir: './data',
      databaseUrl: 'sqlite:./data/lango.db',
      redisUrl: null,
      autoMigrate: true,
      publicUrl: 'http://127.0.0.1:8080',
      masterKeys: null,
      darajaTimeoutMs: 15_000,
      callbackAllowedIps: null,
      callbackIpMode: 'enforce',
      webhookTimeoutMs: 10_000,
      alertWebhookUrl: null,
      smtpUrl: null,
      alertEmail: null,
    });
    expect(config.roles).to.deep.equal(['api', 'console', 'worker']);
    expect(config.rateLimitPerKey).to.deep.equal({ points: 100, windowSeconds: 1 });
    expect(config.pushRatePerShortcode).to.deep.equal({ points: 50, windowSeconds: 1 });
    expect(config.queryRatePerCredential).to.deep.equal({
      simulator: { points: 5, windowSeconds: 60 },
      sandbox: { points: 5, windowSeconds: 60 },
      production: { points: 60, windowSeconds: 60 },
    });
    expect(config.darajaUrls).to.deep.equal({
      sandbox: 'https://sandbox.safaricom.co.ke',
      production: 'https://api.safaricom.co.ke',
      simulator: 'http://127.0.0.1:8090',
    });
    expect(config.trustedProxies).to.deep.equal([]);
    expect(config.webhookAllowNetworks).to.deep.equal([]);
  });

  it('derives what hangs together: the port in the public URL, the database in the data folder, no migrating with MySQL', () => {
    expect(readConfig({ PORT: '9000', DATA_DIR: '/data' })).to.include({
      publicUrl: 'http://127.0.0.1:9000',
      databaseUrl: 'sqlite:/data/lango.db',
    });
    expect(readConfig({ DATABASE_URL: 'mysql://a:b@db:3306/lango' })).to.include({ autoMigrate: false });
    expect(readConfig({ PUBLIC_URL: 'https://pay.example.co.ke/' })).to.include({
      publicUrl: 'https://pay.example.co.ke',
    });
  });

  it('takes an empty variable for one that is not set, and the command line before the environment', () => {
    expect(readConfig({ PORT: '', LOG_LEVEL: ' ' })).to.include({ port: 8080, logLevel: 'info' });
    expect(readConfig({ PORT: '1' }, { PORT: '2' })).to.include({ port: 2 });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(readConfig({}))).to.equal(true);
  });

  it('reads several master keys, newest first', () => {
    const other = Buffer.alloc(32, 2).toString('base64');
    expect(readConfig({ MASTER_KEY: `${other}, ${key}` }).masterKeys).to.deep.equal([
      Buffer.alloc(32, 2),
      Buffer.alloc(32, 1),
    ]);
  });

  const bad: readonly [string, string][] = [
    ['PORT', '70000'],
    ['PORT', '80.5'],
    ['PORT', 'http'],
    ['ROLES', 'api,cashier'],
    ['DATABASE_URL', 'postgres://x/y'],
    ['DATABASE_URL', 'mysql://host'],
    ['DATABASE_URL', 'sqlite:'],
    ['REDIS_URL', 'http://x'],
    ['AUTO_MIGRATE', 'maybe'],
    ['PUBLIC_URL', 'pay.example.co.ke'],
    ['MASTER_KEY', 'short'],
    ['MASTER_KEY', `${key},short`],
    ['DARAJA_SANDBOX_URL', 'ftp://x'],
    ['DARAJA_TIMEOUT_MS', '0'],
    ['CALLBACK_ALLOWED_IPS', '196.201.214.200,hello'],
    ['CALLBACK_IP_MODE', 'off'],
    ['TRUSTED_PROXIES', '10.0.0.0/99'],
    ['WEBHOOK_ALLOW_NETWORKS', 'x'],
    ['WEBHOOK_TIMEOUT_MS', 'x'],
    ['RATE_LIMIT_PER_KEY', '100'],
    ['RATE_LIMIT_PER_KEY', '0;w=1'],
    ['PUSH_RATE_PER_SHORTCODE', '5;w=0'],
    ['QUERY_RATE_PER_CREDENTIAL', 'five a minute'],
    ['LOG_LEVEL', 'loud'],
    ['ALERT_WEBHOOK_URL', 'x'],
    ['SMTP_URL', 'http://x'],
    ['SMTP_URL', 'mail.example.co.ke'],
    ['ALERT_EMAIL', 'ops'],
    ['ALERT_EMAIL', 'ops@example.co.ke,'],
    ['ALERT_EMAIL', 'ops@example.co.ke; night@example.co.ke'],
    ['ALERT_EMAIL', 'Ops <ops@example.co.ke>'],
  ];
  for (const [name, value] of bad)
    it(`refuses ${name}=${value.slice(0, 40)}, naming the variable and what to write`, () => {
      expect(wrong({ [name]: value })).to.deep.equal([name]);
      expect(problemsOf({ [name]: value })[0]!.length).to.be.greaterThan(name.length + 15);
    });

  it('tells all problems at once, without a secret’s value', () => {
    const env = { PORT: 'x', ROLES: 'y', LOG_LEVEL: 'z', MASTER_KEY: 'topsecret', SMTP_URL: 'http://user:hunter2@x' };
    expect(wrong(env)).to.have.members(Object.keys(env));
    expect(problemsOf(env).join()).to.not.match(/topsecret|hunter2/);
  });

  it('refuses a mail server without an address to tell, and an address without a mail server', () => {
    const [smtp, email] = ['smtp://user:hunter2@mail.example', 'ops@example.co.ke, night@example.co.ke'];
    expect(problemsOf({ SMTP_URL: smtp }).join('|')).to.match(/^ALERT_EMAIL is missing: SMTP_URL is set.*ops@[^|]*$/);
    expect(problemsOf({ ALERT_EMAIL: email }).join('|')).to.match(
      /^SMTP_URL is missing: ALERT_EMAIL is set.*smtps:[^|]*$/,
    );
    expect(readConfig({ SMTP_URL: smtp, ALERT_EMAIL: email })).to.include({ smtpUrl: smtp, alertEmail: email });
  });

  it('keeps the address of alerts as it is, its query and last slash included', () => {
    for (const url of ['https://chat.example/hooks/x/', 'https://chat.example/v1/messages?key=a&token=b'])
      expect(readConfig({ ALERT_WEBHOOK_URL: url })).to.include({ alertWebhookUrl: url });
  });

  it('in production refuses to run without a master key and a public URL of its own', () => {
    expect(wrong({ NODE_ENV: 'production' })).to.include.members(['MASTER_KEY', 'PUBLIC_URL']);
    expect(
      problemsOf({ NODE_ENV: 'production', MASTER_KEY: key, PUBLIC_URL: 'https://pay.example.co.ke' }),
    ).to.deep.equal([]);
  });

  it('in production refuses to only log strange callback addresses unless it is told which are not strange', () => {
    const env = {
      NODE_ENV: 'production',
      MASTER_KEY: key,
      PUBLIC_URL: 'https://pay.example.co.ke',
      CALLBACK_IP_MODE: 'log',
    };
    expect(wrong(env)).to.deep.equal(['CALLBACK_IP_MODE']);
    expect(wrong({ ...env, CALLBACK_ALLOWED_IPS: '196.201.214.0/24' })).to.deep.equal([]);
  });

  it('refuses to split a gateway on SQLite into several processes', () => {
    expect(wrong({ ROLES: 'api' })).to.deep.equal(['ROLES']);
    expect(wrong({ ROLES: 'api,worker' })).to.deep.equal([]);
    expect(wrong({ ROLES: 'api', DATABASE_URL: 'mysql://a:b@db/lango', REDIS_URL: 'redis://r' })).to.deep.equal([]);
  });
});

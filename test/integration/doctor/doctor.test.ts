// `lango doctor` beside a gateway that is well, and beside each thing that can be wrong with one.

import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { diagnose } from '../../../scripts/doctor.ts';
import { addShortcode } from '../../../src/mpesa/manage-shortcodes.ts';
import { type Check, hasProblem, inWords } from '../../../src/platform/check-report.ts';
import { checkClock } from '../../../src/platform/check-services.ts';
import { buildGateway, isProductionProfile, sandboxPasskey, type TestGateway } from '../../support/build-gateway.ts';

const root = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

function envOf({ config, gateway }: TestGateway, more: Record<string, string> = {}): Record<string, string> {
  const masterKey = gateway.core.masterKeys.map((key) => key.toString('base64')).join(',');
  return {
    NODE_ENV: 'test',
    DATA_DIR: config.dataDir,
    DATABASE_URL: config.databaseUrl,
    MASTER_KEY: masterKey,
    PUBLIC_URL: config.publicUrl,
    DARAJA_SIMULATOR_URL: config.darajaUrls.simulator,
    DARAJA_SANDBOX_URL: config.darajaUrls.simulator,
    REDIS_KEY_PREFIX: config.redisPrefix,
    ...(config.redisUrl === null ? {} : { REDIS_URL: config.redisUrl }),
    ...more,
  };
}

const named = (checks: Check[], name: string): Check[] => checks.filter((check) => check.name === name);

describe('lango doctor', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  async function addSandboxShortcode(consumerKey: string): Promise<void> {
    const { id } = await app.addTenant();
    const { core } = app.gateway;
    const credentials = { consumer_key: consumerKey, consumer_secret: 'secret', passkey: sandboxPasskey };
    const shortcode = {
      tenantId: id,
      mode: 'test' as const,
      kind: 'paybill' as const,
      shortcode: '600999',
      till: null,
      environment: 'sandbox' as const,
      isDefault: false,
      credentials,
    };
    await addShortcode({ ...core, blindIndexKey: core.dataKeys.blindIndex }, shortcode);
  }

  it('finds nothing wrong with a gateway that is well, and changes nothing', async () => {
    const checks = await diagnose(envOf(app), true);
    expect(hasProblem(checks), inWords(checks)).to.equal(false);
    const names = checks.map(({ name }) => name);
    expect(names).to.include.members([
      'configuration',
      'data folder',
      'database',
      'migrations',
      'master key',
      'clock',
      'callback URL',
      'credentials',
    ]);
    expect(names.includes('redis')).to.equal(isProductionProfile);
    expect(named(checks, 'credentials')[0]).to.include({ status: 'ok' });
    expect(named(checks, 'credentials')[0]!.detail).to.contain('174379').and.contain('token given');
    expect(JSON.stringify(checks)).not.to.contain(sandboxPasskey).and.not.contain(envOf(app).MASTER_KEY);
  });

  it('lists every problem of the configuration, and what it could not check is not said to be well', async () => {
    const checks = await diagnose({ PORT: 'http', DATABASE_URL: 'postgres://x', LOG_LEVEL: 'loud' }, false);
    expect(checks).to.have.length(3);
    expect(checks.every(({ status, name }) => status === 'problem' && name === 'configuration')).to.equal(true);
  });

  it('makes nothing where there is nothing yet', async () => {
    const folder = join(app.config.dataDir, 'not-yet');
    const checks = await diagnose({ NODE_ENV: 'test', DATA_DIR: folder }, false);
    expect(hasProblem(checks), inWords(checks)).to.equal(false);
    expect(named(checks, 'database')[0]).to.include({ status: 'warning' });
    expect(existsSync(folder)).to.equal(false);
  });

  it('says when the database or Redis does not answer, and goes on', async () => {
    const away = { DATABASE_URL: 'mysql://lango:secret-password@127.0.0.1:1/lango', REDIS_URL: 'redis://127.0.0.1:1' };
    const checks = await diagnose(envOf(app, away), false);
    expect(named(checks, 'database')[0]).to.include({ status: 'problem' });
    expect(named(checks, 'redis')[0]).to.include({ status: 'problem' });
    expect(named(checks, 'callback URL')).to.have.length(1);
    expect(JSON.stringify(checks)).not.to.contain('secret-password');
  });

  it('says when the key ring does not open the database', async () => {
    const other = Buffer.alloc(32, 7).toString('base64');
    const checks = await diagnose(envOf(app, { MASTER_KEY: other }), true);
    expect(named(checks, 'master key')[0]).to.include({ status: 'problem' });
    expect(named(checks, 'credentials')[0]!.detail).to.contain('the key ring has no key');
    const ring = `${other},${envOf(app).MASTER_KEY}`;
    expect(named(await diagnose(envOf(app, { MASTER_KEY: ring }), false), 'master key')[0]!.advice).to.contain(
      'master-key rotate',
    );
  });

  it('says when the key file is lost, and when others may read it', async () => {
    const { MASTER_KEY, ...env } = envOf(app, { DATA_DIR: mkdtempSync(join(tmpdir(), 'lango-doctor-')) });
    const file = join(env.DATA_DIR!, 'master.key');
    try {
      expect(named(await diagnose(env, false), 'master key')[0]).to.include({ status: 'problem' });
      expect(existsSync(file)).to.equal(false);
      writeFileSync(file, `${MASTER_KEY}\n`, { mode: 0o600 });
      expect(named(await diagnose(env, false), 'master key')[0]).to.include({ status: 'ok' });
      chmodSync(file, 0o644);
      expect(named(await diagnose(env, false), 'master key')[0]).to.include({
        status: 'warning',
        advice: `chmod 600 ${file}`,
      });
    } finally {
      rmSync(env.DATA_DIR!, { recursive: true });
    }
  });

  it('says which shortcode M-PESA refuses, and that its results could not come back', async () => {
    await addSandboxShortcode('bad-key');
    const checks = await diagnose(envOf(app), true);
    const refused = named(checks, 'credentials').filter(({ status }) => status === 'problem');
    expect(refused).to.have.length(1);
    expect(refused[0]!.detail).to.contain('600999 (sandbox').and.contain('M-PESA refuses the credentials');
    expect(named(checks, 'callback URL').map(({ status }) => status)).to.include('problem');
    expect(hasProblem(await diagnose(envOf(app, { PUBLIC_URL: 'https://pay.example.co.ke' }), false))).to.equal(false);
  });

  it('does not call credentials wrong when M-PESA does not answer', async () => {
    const env = envOf(app, {
      DARAJA_SANDBOX_URL: 'http://127.0.0.1:1',
      DARAJA_SIMULATOR_URL: 'http://127.0.0.1:1',
      PUBLIC_URL: 'https://pay.example.co.ke',
    });
    const checks = named(await diagnose(env, true), 'credentials');
    expect(checks.length).to.be.greaterThan(1);
    expect(new Set(checks.map(({ status }) => status))).to.deep.equal(new Set(['warning']));
  });

  it('as a command: prints one JSON object and exits with 1 if there is a problem', async function () {
    this.timeout(30_000);
    const lango = ['--import', 'tsx', join(root, 'scripts/lango.ts'), 'doctor', '--no-network', '--json'];
    const env = { PATH: process.env.PATH, ...envOf(app, { PUBLIC_URL: 'https://pay.example.co.ke' }) };
    const { stdout } = await run(process.execPath, lango, { cwd: root, env });
    expect(JSON.parse(stdout)).to.include({ ok: true });
    const failed = await run(process.execPath, lango, { cwd: root, env: { ...env, PORT: 'http' } }).catch(
      (thrown) => thrown,
    );
    expect(failed.code).to.equal(1);
    expect(JSON.parse(failed.stdout)).to.include({ ok: false });
  });
});

describe('the clock, as lango doctor sees it', () => {
  it('is a problem when it differs by more than 30 s from either', () => {
    const at = (theirMs: number) => ({ who: 'the database', theirMs, ourMs: 1_000_000 });
    expect(checkClock([at(1_000_000), at(970_001)]).status).to.equal('ok');
    expect(checkClock([at(1_000_000), at(969_999)])).to.include({ status: 'problem' });
    expect(checkClock([at(1_030_001)]).detail).to.contain('30.0 s behind the database');
    expect(checkClock([]).status).to.equal('warning');
  });
});

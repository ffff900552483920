// The `lango` command beside a running server (api.md, Command line): exit statuses, one JSON object, secrets shown once
// and never taken from the command line, and a revoked key that every server refuses soon.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, freePort } from '../support/gateway-process.ts';
import { freshDatabase, type LangoRun, lango, startLango } from '../support/lango-command.ts';

describe('the lango command', () => {
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  let server: LangoRun;
  let url: string;
  let env: Record<string, string>;

  before(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'lango-command-'));
    database = await freshDatabase(folder);
    env = { DATABASE_URL: database.url, DATA_DIR: folder, AUTO_MIGRATE: 'true' };
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    server = startLango(['serve', '--port', String(port)], { ...env, LOG_LEVEL: 'error' });
    await eventually('a server', async () =>
      (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ? true : undefined,
    );
  });
  after(async () => {
    await server.end('SIGKILL');
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('exits with 2 and says how for wrong usage', async () => {
    const wrong = [
      ['nonsense'],
      ['tenants', 'create'],
      ['keys', 'create', '--tenant', 'x', '--mode', 'other', '--name', 'n'],
    ];
    for (const ended of await Promise.all(wrong.map((args) => lango(args, env)))) {
      expect(ended.status, ended.errors).to.equal(2);
      expect(ended.output).to.equal('');
      expect(ended.errors).to.match(/--help/);
    }
  });

  it('exits with 1, in words and without a stack, for what cannot be done', async () => {
    const impossible = [
      ['keys', 'revoke', '--id', 'key_none'],
      ['keys', 'create', '--tenant', 'ten_none', '--mode', 'test', '--name', 'n'],
      ['shortcodes', 'show', '--id', 'sc_none'],
    ];
    for (const ended of await Promise.all(impossible.map((args) => lango(args, env)))) {
      expect(ended.status, ended.errors).to.equal(1);
      expect(ended.output).to.equal('');
      expect(ended.errors.trim()).to.be.a('string').and.not.empty;
      expect(ended.errors).not.to.match(/\n\s+at /);
    }
  });

  it('prints one JSON object with --json, makes a key that works, and revokes it for the running server within 5 s', async () => {
    const run = async (...args: string[]) => {
      const ended = await lango([...args, '--json'], env);
      expect(ended.status, ended.errors).to.equal(0);
      expect(ended.output.trim().split('\n')).to.have.length(1);
      return JSON.parse(ended.output);
    };
    const tenant = await run('tenants', 'create', '--name', 'Duka');
    const key = await run('keys', 'create', '--tenant', tenant.id, '--mode', 'test', '--name', 'app');
    expect(key.key).to.match(/^lango_test_/);
    const account = async (): Promise<number> =>
      (await fetch(`${url}/v1/account`, { headers: { Authorization: `Bearer ${key.key}` } })).status;
    expect(await account()).to.equal(200);
    const revoked = await run('keys', 'revoke', '--id', key.id);
    expect(revoked).to.have.keys('id', 'revoked_at');
    await eventually('the refusal', async () => ((await account()) === 401 ? true : undefined), 5000);
  });

  it('takes credentials from standard input only, and never shows them again', async () => {
    const tenant = JSON.parse((await lango(['tenants', 'create', '--name', 'Duka', '--json'], env)).output);
    const base = [
      'shortcodes',
      'add',
      '--tenant',
      tenant.id,
      '--mode',
      'test',
      '--kind',
      'paybill',
      '--shortcode',
      '174379',
    ];
    const secret = { consumer_key: 'public-half', consumer_secret: 'very-secret', passkey: 'also-secret' };
    const onLine = await lango([...base, '--credentials', JSON.stringify(secret)], env);
    expect([1, 2]).to.include(onLine.status);
    const added = await lango([...base, '--credentials', '-', '--json'], env, JSON.stringify(secret));
    expect(added.status, added.errors).to.equal(0);
    const shown = await lango(['shortcodes', 'show', '--id', JSON.parse(added.output).id], env);
    for (const text of Object.values(secret)) expect(added.output + shown.output + shown.errors).not.to.include(text);
  });
});

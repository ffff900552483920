// The gateway as an operator meets it: wrong settings said all at once, a first start that needs nothing, a schema that
// is never older than the code, and an end that finishes what was begun (design.md section 11).

import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isProductionProfile } from '../support/build-gateway.ts';
import { eventually, freePort } from '../support/gateway-process.ts';
import { freshDatabase, type LangoRun, lango, startLango } from '../support/lango-command.ts';

describe('starting and stopping', () => {
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  const running: LangoRun[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'lango-start-'));
    database = await freshDatabase(folder);
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.end('SIGKILL');
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(env: Record<string, string> = {}): Promise<LangoRun & { url: string; port: number }> {
    const port = await freePort();
    const server = startLango(['serve', '--port', String(port)], {
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      AUTO_MIGRATE: 'true',
      ...env,
    });
    running.push(server);
    const url = `http://127.0.0.1:${port}`;
    await eventually('an answer of /healthz', async () => {
      if (server.exit() !== undefined) throw new Error(server.errors());
      return (await fetch(`${url}/healthz`).catch(() => undefined))?.ok ? true : undefined;
    });
    return { ...server, url, port };
  }

  it('lists every wrong setting at once, starts nothing, and exits with 78', async () => {
    const env = {
      PORT: 'many',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'oracle://x',
      CALLBACK_ALLOWED_IPS: '10.0.0.1,here',
      MASTER_KEY: 'short',
      NODE_ENV: 'production',
    };
    const ended = await lango(['serve'], { DATA_DIR: folder, ...env });
    expect(ended.status).to.equal(78);
    for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL', 'CALLBACK_ALLOWED_IPS', 'MASTER_KEY', 'PUBLIC_URL'])
      expect(ended.errors).to.match(new RegExp(`- ${name} `));
    expect(ended.errors).not.to.match(/\n\s+at /);
    expect(existsSync(join(folder, 'lango.db'))).to.equal(false);
  });

  it('makes its folder, its key and its database by itself at the first start, and ends with 0 on SIGTERM', async () => {
    const data = join(folder, 'a', 'b');
    const server = await serve({ DATA_DIR: data });
    const ready = await fetch(`${server.url}/readyz`);
    expect([ready.status, await ready.json()].toString()).to.include('200');
    expect(statSync(join(data, 'master.key')).mode & 0o777).to.equal(0o600);
    expect(statSync(data).mode & 0o777).to.equal(0o700);
    expect(await server.end('SIGTERM')).to.equal(0);
    const again = await serve({ DATA_DIR: data });
    expect(await again.end('SIGINT')).to.equal(0);
  });

  it('refuses to serve a schema that lacks migrations and names the command, and serves after it', async () => {
    const env = { DATABASE_URL: database.url, DATA_DIR: folder, AUTO_MIGRATE: 'false' };
    const refused = await lango(['serve', '--port', '0'], env);
    expect(refused.status).to.equal(1);
    expect(refused.errors).to.match(/lango migrate/);
    expect(refused.errors).not.to.match(/\n\s+at /);
    expect((await lango(['migrate', '--json'], env)).status).to.equal(0);
    const server = await serve({ AUTO_MIGRATE: 'false' });
    expect(await server.end('SIGTERM')).to.equal(0);
  });

  it('migrates once when two processes migrate at the same time', async () => {
    const env = { DATABASE_URL: database.url, DATA_DIR: folder };
    const both = await Promise.all([lango(['migrate', '--json'], env), lango(['migrate', '--json'], env)]);
    expect(both.map(({ status, errors }) => [status, errors])).to.deep.equal([
      [0, ''],
      [0, ''],
    ]);
    const applied = both.flatMap(({ output }) => JSON.parse(output).applied as string[]);
    expect(applied).to.have.length.above(1);
    expect(new Set(applied).size).to.equal(applied.length);
  });

  it('answers who waits, lets a push end, and exits with 0 on SIGTERM; a second SIGTERM does not wait', async () => {
    // Daraja takes connections and never says a word.
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const daraja = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    try {
      const server = await serve({ DARAJA_SIMULATOR_URL: daraja, DARAJA_TIMEOUT_MS: '1500' });
      const headers = await makeKey();
      const pay = (url: string, key: string) =>
        fetch(`${url}/v1/payments`, {
          method: 'POST',
          headers: { ...headers, 'Idempotency-Key': key, Prefer: 'wait=55' },
          body: JSON.stringify({ amount: 1, phone: '0712345678', reference: 'STOP', allow_duplicate: true }),
        });
      const waiting = pay(server.url, 'one');
      await eventually('submitting', () => submitting(server.url, headers));
      const startedAt = Date.now();
      const ended = server.end('SIGTERM');
      expect((await waiting).status).to.equal(201);
      expect(await ended).to.equal(0);
      expect(Date.now() - startedAt).to.be.below(15_000);
      expect(await fetch(`${server.url}/healthz`).catch(() => 'closed')).to.equal('closed');

      const stubborn = await serve({ DARAJA_SIMULATOR_URL: daraja, DARAJA_TIMEOUT_MS: '120000' });
      const again = pay(stubborn.url, 'two').catch(() => undefined);
      await eventually('submitting', () => submitting(stubborn.url, headers));
      const secondAt = Date.now();
      const gone = stubborn.end('SIGTERM');
      await eventually('the end of listening', async () =>
        (await fetch(`${stubborn.url}/healthz`).catch(() => 'closed')) === 'closed' ? true : undefined,
      );
      stubborn.child.kill('SIGTERM');
      expect(await gone).to.equal(null);
      expect(Date.now() - secondAt).to.be.below(15_000);
      await again;
    } finally {
      silent.close();
    }
  }).timeout(40_000);

  /** Of a tenant with a shortcode, made beside the running server. */
  async function makeKey(): Promise<Record<string, string>> {
    const env = { DATABASE_URL: database.url, DATA_DIR: folder };
    const run = async (args: string[], input = '') => JSON.parse((await lango([...args, '--json'], env, input)).output);
    const tenant = await run(['tenants', 'create', '--name', 'Duka']);
    const credentials = JSON.stringify({ consumer_key: 'k', consumer_secret: 's', passkey: 'p' });
    const shortcode = ['--kind', 'paybill', '--shortcode', '174379', '--credentials', '-'];
    const [key] = await Promise.all([
      run(['keys', 'create', '--tenant', tenant.id, '--mode', 'test', '--name', 'app']),
      run(['shortcodes', 'add', '--tenant', tenant.id, '--mode', 'test', ...shortcode], credentials),
    ]);
    return { Authorization: `Bearer ${key.key}`, 'Content-Type': 'application/json' };
  }

  async function submitting(url: string, headers: Record<string, string>): Promise<true | undefined> {
    const response = await fetch(`${url}/v1/payments?status=submitting`, { headers });
    const list = (await response.json()) as { data?: unknown[] };
    return (list.data?.length ?? 0) > 0 ? true : undefined;
  }

  if (isProductionProfile) {
    it('exits with 1 and one line when the database cannot be reached', async () => {
      const ended = await lango(['serve', '--port', '0'], {
        DATABASE_URL: `mysql://root@127.0.0.1:${await freePort()}/none`,
        DATA_DIR: folder,
      });
      expect(ended.status).to.equal(1);
      expect(ended.errors.trim().split('\n')).to.have.length(1);
    });
  }
});

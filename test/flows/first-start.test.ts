// The first start of a server: it prints a link that makes its owner, once, on standard error and never in its log; when
// there is an owner, no more.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openBrowser } from '../support/console-browser.ts';
import { eventually, freePort } from '../support/gateway-process.ts';
import { freshDatabase, type LangoRun, startLango } from '../support/lango-command.ts';

describe('the first start', function () {
  this.timeout(120_000);
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  let server: LangoRun | undefined;
  let url: string;

  before(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'first-start-'));
    database = await freshDatabase(folder);
  });
  after(async () => {
    await server?.end('SIGKILL');
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<LangoRun> {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const env = { DATABASE_URL: database.url, DATA_DIR: folder, AUTO_MIGRATE: 'true', PUBLIC_URL: url };
    server = startLango(['serve', '--port', String(port)], env);
    await eventually('a server', async () =>
      (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ? true : undefined,
    );
    return server;
  }

  it('prints one link that makes the owner, outside of the log, until there is one', async () => {
    const first = await start();
    const link = await eventually(
      'the link',
      async () => /http:\S+\/console\/welcome\/[\w-]{32}/.exec(first.errors())?.[0],
    );
    expect(first.output()).to.contain('server.started').and.not.contain('/console/welcome/');
    const browser = openBrowser({ url });
    const path = link.slice(url.length);
    await browser.get(path);
    const made = await browser.submit(path, { email: 'me@lango.example', password: 'correct horse battery staple' });
    expect(made.status, made.html).to.equal(302);
    expect((await browser.get('/console')).html).to.contain('Owner, all tenants');
    expect(await first.end('SIGTERM')).to.equal(0);
    const second = await start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(second.errors()).not.to.contain('/console/welcome/');
  });
});

// What goes wrong in the console, as the person sees it: a page that says what to do and names the request, also when the
// database is away. The API goes on to answer JSON.

import { Writable } from 'node:stream';
import { expect } from 'chai';
import { createLogger, type LogFields, type Logger, silentLogger } from '../../../src/platform/logger.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visit } from '../../support/console-visitor.ts';
import { buildFragileGateway } from '../../support/fragile-database.ts';
import { eventually } from '../../support/gateway-process.ts';

const requestOf = ({ html, headers }: Visit): string => {
  expect(headers.get('content-type')).to.match(/^text\/html/);
  const shown = /Request <code>(req_\w+)<\/code>/.exec(html)?.[1] ?? '';
  expect(shown).to.equal(headers.get('request-id'));
  return shown;
};

/** Whole, in the console's look, and without what a strict policy would block. */
function expectPage({ html }: Visit): void {
  expect(html).to.match(/^<!doctype html>[\s\S]*console\.css[\s\S]*<\/html>\s*$/);
  expect(html).not.to.match(/ style=| on\w+="|problem\+json|SqliteError|ER_/);
}

describe('console: what goes wrong', () => {
  describe('a fault of our own', () => {
    let app: TestGateway;
    const logged: LogFields[] = [];
    const logger: Logger = { ...silentLogger, error: (event, fields) => void logged.push({ event, ...fields }) };
    before(async () => {
      app = await buildGateway({ logger });
    });
    after(() => app.close());

    it('is a page that says what to do, and one line of the log that has its request', async () => {
      const visitor = await signedIn(app);
      const { db } = app.gateway.core;
      await db.schema.renameTable('assignments', 'assignments_gone');
      try {
        const page = await visitor.get('/console/attention?mode=test');
        expect(page.status).to.equal(500);
        expectPage(page);
        expect(page.html).to.contain('Something went wrong on our side').and.contain('in the log under the request');
        expect(page.html).to.contain('href="/console/attention?mode&#x3D;test">Try again');
        const id = requestOf(page);
        const lines = logged.filter((line) => line.request_id === id);
        expect(lines).to.have.length(1);
        expect(lines[0]).to.include({ event: 'request.failed', path: '/console/attention', code: 'internal' });
      } finally {
        await db.schema.renameTable('assignments_gone', 'assignments');
      }
      expect((await visitor.get('/console/attention?mode=test')).status).to.equal(200);
    });

    it('keeps a one-time link out of the log', async () => {
      const { db } = app.gateway.core;
      const lines: string[] = [];
      const stream = new Writable({
        write(chunk, _encoding, done) {
          lines.push(String(chunk));
          done();
        },
      });
      const other = await buildGateway({ beside: app, logger: createLogger('error', stream) });
      await db.schema.renameTable('one_time_links', 'links_gone');
      try {
        const answer = await fetch(`${other.url}/console/welcome/this-opens-the-door`);
        expect(answer.status).to.equal(500);
        expect(lines.join('')).to.contain('/console/welcome/[redacted]').and.not.contain('this-opens-the-door');
      } finally {
        await db.schema.renameTable('links_gone', 'one_time_links');
        await other.close();
      }
    });
  });

  describe('the database is away', function () {
    this.timeout(60_000);

    it('pages and forms say so, the API says it in JSON, and all goes on when it is back', async () => {
      const fragile = await buildFragileGateway({ env: { ROLES: 'api,worker,console' } });
      const { app } = fragile;
      try {
        const visitor = await signedIn(app);
        const { html } = await visitor.get('/console?mode=test');
        const token = /name="_token" value="([^"]+)"/.exec(html)![1]!;
        async function endSessions(): Promise<Visit> {
          const headers = {
            'content-type': 'application/x-www-form-urlencoded',
            cookie: visitor.cookie,
            origin: app.url,
          };
          const body = new URLSearchParams({ _token: token, session: '' }).toString();
          const path = `${app.url}/console/me/sessions`;
          const response = await fetch(path, { method: 'POST', body, headers, redirect: 'manual' });
          return { status: response.status, headers: response.headers, html: await response.text() };
        }
        await fragile.takeAway();
        // In the embedded profile somebody else holds the file: what only reads goes on, what writes is refused.
        const form = await endSessions();
        expect(form.html).to.contain('may have been done or not').and.not.contain('>Try again<');
        const pages = isProductionProfile
          ? [await visitor.get('/console?mode=test'), await visitor.get('/console/system')]
          : [];
        for (const { html: text } of pages) expect(text).to.contain('>Try again<');
        for (const page of [form, ...pages]) {
          expect(page.status, page.html).to.equal(503);
          expectPage(page);
          requestOf(page);
          expect(page.headers.get('retry-after')).to.equal('5');
          expect(page.html).to.contain('Lango cannot answer just now').and.contain('look at the database');
        }
        expect((await fetch(`${app.url}/console/sign-in`)).status, 'needs no database').to.equal(200);
        const api = await app.pay();
        expect(api.status).to.equal(503);
        expect(api.headers.get('content-type')).to.match(/^application\/problem\+json/);
        await fragile.giveBack();
        await eventually('the console', async () =>
          (await visitor.get('/console?mode=test')).status === 200 ? true : undefined,
        );
      } finally {
        await fragile.close();
      }
    });
  });
});

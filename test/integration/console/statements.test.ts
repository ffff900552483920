// Statements in the console: a file is given, looked at, decided on, and followed until it is in, with JavaScript off.
// What is refused leaves nothing behind, and nobody sees or touches another tenant's.

import { request } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import type { Db } from '../../../src/platform/database.ts';
import { claimImport } from '../../../src/reconciliation/import-statement.ts';
import { fileLimitBytes } from '../../../src/reconciliation/statement.ts';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import {
  classicRows,
  csvFile,
  type LedgerRow,
  ledgerOf,
  type Move,
  nairobi,
  newerRows,
} from '../../support/statement-files.ts';

const begin = nairobi('2026-10-06 08:00:00');
const path = '/console/reconciliation/imports?mode=test';

function payments(count: number, named = 'UJ6'): LedgerRow[] {
  return ledgerOf(
    Array.from({ length: count }, (_, index): Move => {
      const receipt = `${named}${String(index).padStart(7, '0')}`;
      const payer = { account: `INV-${index}`, party: '25471****678 - JANE **** DOE' };
      return { kind: 'payment', receipt, at: begin + index * 60_000, amountCents: 10_050, ...payer };
    }),
  );
}

describe('console: statements', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let other: TestTenant;
  let operator: Visitor;
  before(async () => {
    app = await buildGateway();
    other = await app.addTenant({ shortcode: '654321' });
    operator = await signedIn(app);
    db = app.gateway.core.db;
  });
  after(() => app.close());

  let db: Db;

  interface Sent {
    shortcode?: string;
    name?: string;
    token?: string;
    origin?: string;
    /** The token stands behind the file. */
    isTokenLast?: boolean;
    visitor?: Visitor;
  }

  const tokenOf = async (visitor: Visitor): Promise<string> =>
    /name="_token" value="([^"]+)"/.exec((await visitor.get('/console')).html)![1]!;

  /** Sends a file as a browser does; a null file is a form whose file was not chosen. */
  async function upload(file: Buffer | null, sent: Sent = {}): Promise<Visit> {
    const { shortcode = app.tenant.shortcodeId, name = 'October.csv', origin = app.url, visitor = operator } = sent;
    const token = sent.token ?? (await tokenOf(visitor));
    const form = new FormData();
    if (sent.isTokenLast !== true) form.append('_token', token);
    form.append('shortcode', shortcode);
    form.append('file', new Blob([new Uint8Array(file ?? Buffer.alloc(0))]), file === null ? '' : name);
    if (sent.isTokenLast === true) form.append('_token', token);
    const headers = { cookie: visitor.cookie, origin };
    const response = await fetch(app.url + path, { method: 'POST', body: form, headers, redirect: 'manual' });
    return { status: response.status, headers: response.headers, html: await response.text() };
  }

  const pageOf = ({ headers }: Visit): string => headers.get('location')!.replace(app.url, '');
  const idOf = (visit: Visit): string => /imports\/(stm_[0-9a-z]{26})/.exec(pageOf(visit))![1]!;
  const act = (id: string, verb: string): string => `/console/reconciliation/imports/${id}/${verb}?mode=test`;
  const textOf = (html: string): string => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
  const counts = async (): Promise<unknown> =>
    Promise.all(
      ['statements', 'statement_files', 'statement_lines'].map(async (table) =>
        Number((await db(table).count({ n: '*' }).first())?.n),
      ),
    );
  const lastAct = async (): Promise<Record<string, unknown>> => db('audit_log').orderBy('seq', 'desc').first();

  it('shows what is in a file, with its errors by line, before anything of it counts', async () => {
    const rows = newerRows(payments(4));
    rows[2]![1] = 'soon';
    const taken = await upload(csvFile(rows), { name: 'C:\\Users\\jane\\Bad rows.csv' });
    expect(taken.status).to.equal(302);
    expect(await lastAct()).to.include({
      action: 'statement.uploaded',
      actor: operator.operator.id,
      target: idOf(taken),
    });
    const { html } = await operator.get(pageOf(taken));
    const text = textOf(html);
    expect(text).to.include('Bad rows.csv').and.include('Not imported yet').and.not.include('Users');
    expect(text).to.match(/Paid in by customers 3 301\.50/);
    expect(text).to.match(/1 row that cannot be read.*3 “soon” is no time/);
    expect(text).to.match(/Between UJ60000001 and UJ60000003 KES 100\.50 came in/);
    expect(text).to.include('Import 3 new lines?');
    expect(html).not.to.match(/JANE|25471/);
    expect((await db('statement_lines').where({ receipt: 'UJ60000003' })).length).to.equal(0);
    const list = await operator.get(path);
    expect(textOf(list.html)).to.include('Bad rows.csv').and.include('1 unreadable');
  });

  it('imports what was looked at, and says what it came to', async () => {
    const taken = await upload(csvFile(classicRows(payments(3, 'UJ7'), { shortcode: '174379' })));
    const id = idOf(taken);
    const committed = await operator.post(act(id, 'commit'));
    expect(pageOf(committed)).to.equal(`/console/reconciliation/imports/${id}?mode=test`);
    expect(await lastAct()).to.include({ action: 'statement.imported', actor: operator.operator.id, target: id });
    await app.gateway.statements.settled();
    const done = await operator.get(pageOf(committed));
    expect(textOf(done.html)).to.match(/What it came to New lines 3 Known before 0 Matched 0/);
    expect(done.headers.get('refresh')).to.equal(null);
    expect(await db('statement_lines').where({ statement_id: id })).to.have.length(3);

    const again = await upload(csvFile(newerRows(payments(4, 'UJ7'))));
    const preview = await operator.get(pageOf(again));
    expect(textOf(preview.html)).to.include('Import 1 new line?').and.include('4 lines, 3 of them known before');
    await operator.post(act(idOf(again), 'commit'));
    await app.gateway.statements.settled();
    expect(textOf((await operator.get(pageOf(again))).html)).to.match(/New lines 1 Known before 3/);
    const twice = await operator.post(act(idOf(again), 'commit'));
    expect(twice.status).to.equal(400);
    expect(textOf(twice.html)).to.include('It was imported already.');
  });

  it('says how far an import is, on a page that loads itself again without a script', async () => {
    const id = idOf(await upload(csvFile(newerRows(payments(8, 'UJ8')))));
    await claimImport(db, id, app.gateway.core.now());
    await db('statements').where({ id }).update({ rows_done: 4 });
    const { html, headers } = await operator.get(`/console/reconciliation/imports/${id}?mode=test`);
    expect(headers.get('refresh')).to.equal('2');
    expect(textOf(html)).to.include('4 of 8 rows are in');
    expect(html).to.match(/<progress max="8" value="4"/);
    expect(html).not.to.match(/commit|discard/);
  });

  it('throws a preview away with its file', async () => {
    const before = await counts();
    const file = csvFile(newerRows(payments(2, 'UJ9')));
    const id = idOf(await upload(file));
    const gone = await operator.post(act(id, 'discard'));
    expect(pageOf(gone)).to.equal(path);
    expect(await lastAct()).to.include({ action: 'statement.discarded', target: id });
    const [statements, files, lines] = before as number[];
    expect(await counts()).to.deep.equal([statements! + 1, files, lines]);
    expect((await operator.post(act(id, 'commit'))).status).to.equal(400);
    expect(idOf(await upload(file))).not.to.equal(id);
  });

  it('leads to what became of a file that was given before', async () => {
    const file = csvFile(newerRows(payments(2, 'UJA')));
    const first = await upload(file);
    const again = await upload(file, { name: 'renamed.csv' });
    expect(idOf(again)).to.equal(idOf(first));
    expect(again.headers.get('set-cookie')).to.include('lango-flash');
  });

  describe('refuses and keeps nothing of', () => {
    let before: unknown;
    beforeEach(async () => {
      before = await counts();
    });
    afterEach(async () => expect(await counts()).to.deep.equal(before));

    const file = csvFile(newerRows(payments(2, 'UJB')));

    it('a form from elsewhere, or without its token before the file', async () => {
      for (const sent of [
        { token: '' },
        { token: 'x'.repeat(32) },
        { origin: 'https://evil.example' },
        { isTokenLast: true },
      ])
        expect((await upload(file, sent)).status, JSON.stringify(sent)).to.equal(403);
    });

    it('a form whose file was not chosen', async () => {
      const { status, html } = await upload(null);
      expect(status).to.equal(400);
      expect(textOf(html)).to.include('Choose a file.');
      expect((await operator.post(path, { shortcode: app.tenant.shortcodeId })).status).to.equal(400);
    });

    it('a file that is no statement, in words beside its field', async () => {
      const { status, html } = await upload(Buffer.from('%PDF-1.4 …'));
      expect(status).to.equal(400);
      expect(html).to.match(/id="f-file-problem">This is a PDF/);
    });

    it('the statement of another shortcode', async () => {
      const wrong = csvFile(classicRows(payments(1), { shortcode: '999999' }));
      expect(textOf((await upload(wrong)).html)).to.include('This is the statement of 999999, not of 174379.');
    });

    it('a file of more than 20 MB', async () => {
      const row = 'UJB0000001,06/10/2026 08:00:00,x,Completed,1.00,0.00,1.00\n';
      const large = Buffer.alloc(fileLimitBytes + 1, row);
      const { status, html } = await upload(large);
      expect(status).to.equal(413);
      expect(textOf(html)).to.include('at most 20 MB');
    });

    it('whoever only looks, and another tenant’s shortcode', async () => {
      const viewer = await signedIn(app, { role: 'viewer' });
      expect((await upload(file, { visitor: viewer })).status).to.equal(403);
      const its = await signedIn(app, { tenantId: other.id });
      expect((await upload(file, { visitor: its })).status).to.equal(404);
      expect((await upload(file, { shortcode: 'sc_none' })).status).to.equal(404);
    });

    it('a browser that goes away while it sends', async () => {
      const head = `--x\r\nContent-Disposition: form-data; name="_token"\r\n\r\n${await tokenOf(operator)}\r\n--x\r\nContent-Disposition: form-data; name="shortcode"\r\n\r\n${app.tenant.shortcodeId}\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`;
      const headers = { cookie: operator.cookie, origin: app.url, 'content-type': 'multipart/form-data; boundary=x' };
      const sending = request(app.url + path, { method: 'POST', headers: { ...headers, 'content-length': 1 << 20 } });
      sending.on('error', () => undefined);
      sending.write(head);
      // More than one piece, so that some of it is stored by then.
      sending.write('a,b\n'.repeat(100_000));
      const [, files] = before as number[];
      while (((await counts()) as number[])[1] === files) await nextTurn();
      sending.destroy();
      while (((await counts()) as number[])[1] !== files) await nextTurn();
      expect((await operator.get(path)).status).to.equal(200);
    });

    it('a form that ends in the middle', async () => {
      const token = await tokenOf(operator);
      const part = (name: string, value: string): string =>
        `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
      const head = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';
      const body =
        part('_token', token) + part('shortcode', app.tenant.shortcodeId) + head + file.toString().slice(0, 150);
      const headers = { cookie: operator.cookie, origin: app.url, 'content-type': 'multipart/form-data; boundary=x' };
      expect((await fetch(app.url + path, { method: 'POST', body, headers })).status).to.equal(400);
    });
  });

  it('is nobody else’s to see or to decide on', async () => {
    const id = idOf(await upload(csvFile(newerRows(payments(2, 'UJC')))));
    const its = await signedIn(app, { tenantId: other.id });
    expect((await its.get(`/console/reconciliation/imports/${id}?mode=test`)).status).to.equal(404);
    expect((await its.post(act(id, 'commit'))).status).to.equal(404);
    expect((await its.post(act(id, 'discard'))).status).to.equal(404);
    expect((await its.get(path)).html).not.to.include(id);
    const viewer = await signedIn(app, { role: 'viewer' });
    const seen = await viewer.get(`/console/reconciliation/imports/${id}?mode=test`);
    expect(seen.status).to.equal(200);
    expect(seen.html).not.to.match(/\/commit|\/discard/);
    expect((await db('statements').where({ id }).first()).status).to.equal('previewed');
  });
});

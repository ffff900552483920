// `lango statements import` as a process: what it answers, that it may be repeated, and that one that was killed in the
// middle is gone on with by the next.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { listAudit } from '../../src/platform/audit-store.ts';
import { type Db, openDatabase } from '../../src/platform/database.ts';
import { sandboxPasskey } from '../support/build-gateway.ts';
import { freshDatabase, lango } from '../support/lango-command.ts';
import { classicRows, csvFile, ledgerOf, nairobi, newerRows, workbookFile } from '../support/statement-files.ts';

const begin = nairobi('2026-10-06 08:00:00');

const ledger = (count: number, named: string) =>
  ledgerOf(
    Array.from({ length: count }, (_, index) => ({
      kind: 'payment' as const,
      receipt: `${named}${String(index).padStart(7, '0')}`,
      at: begin + index * 1000,
      amountCents: 10_000,
      account: `INV-${index}`,
      party: '25471****678 - JANE **** DOE',
    })),
  );

describe('lango statements import', function () {
  this.timeout(240_000);
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  let db: Db;
  let env: Record<string, string>;
  let shortcodeId: string;

  before(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'statement-command-'));
    database = await freshDatabase(folder);
    env = { DATABASE_URL: database.url, DATA_DIR: folder, AUTO_MIGRATE: 'true' };
    const tenant = await run(['tenants', 'create', '--name', 'Duka']);
    const credentials = {
      consumer_key: 'consumer-of-ours',
      consumer_secret: 'secret-of-ours',
      passkey: sandboxPasskey,
    };
    const add = ['shortcodes', 'add', '--tenant', String(tenant.id), '--mode', 'test', '--kind', 'paybill'];
    const added = await run([...add, '--shortcode', '600997', '--credentials', '-'], JSON.stringify(credentials));
    shortcodeId = String(added.id);
    db = openDatabase(database.url, 2);
  });
  after(async () => {
    await db.destroy();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(args: string[], input = ''): Promise<Record<string, unknown>> {
    const { status, output, errors } = await lango([...args, '--json'], env, input);
    expect(status, errors).to.equal(0);
    return JSON.parse(output);
  }

  function write(name: string, file: Buffer): string {
    const where = join(folder, name);
    writeFileSync(where, file);
    return where;
  }

  const importing = (file: string): string[] => ['statements', 'import', '--shortcode', shortcodeId, '--file', file];

  it('answers what came of it, and the same again for the same file', async () => {
    const rows = classicRows(ledger(5, 'UJ6'), { shortcode: '600997' });
    rows[9]![5] = 'a lot';
    const file = write('October.xls', workbookFile(rows, 'xls'));
    const errors = [{ line: 10, detail: '“a lot” in Paid In is no amount. It must read like 1,100.00.' }];
    const counts = { rows: 5, lines_new: 4, lines_known: 0, matched: 0, suggested: 0, errors };
    expect(await run([...importing(file), '--dry-run'])).to.deep.equal({ id: null, ...counts });
    expect(await db('statements').count({ n: '*' }).first()).to.deep.equal({ n: 0 });

    const first = await run(importing(file));
    expect(first.id).to.match(/^stm_/);
    expect(first).to.deep.equal({ id: first.id, ...counts });
    expect(await run(importing(file))).to.deep.equal({ ...first, lines_new: 0, lines_known: 4 });

    const longer = write('longer.csv', csvFile(newerRows(ledger(8, 'UJ6'))));
    const more = await run(importing(longer));
    expect(more).to.deep.include({ rows: 8, lines_new: 4, lines_known: 4, errors: [] });
    const acts = (await listAudit(db, { tenantId: null, limit: 4 })).map(({ action, actor, target }) => [
      action,
      actor,
      target,
    ]);
    expect(acts).to.deep.equal([
      ['statement.imported', 'cli', more.id],
      ['statement.uploaded', 'cli', more.id],
      ['statement.imported', 'cli', first.id],
      ['statement.uploaded', 'cli', first.id],
    ]);
  });

  it('says on standard error how far it is and what is wrong', async () => {
    const file = write('progress.csv', csvFile(newerRows(ledger(20, 'UJ7'))));
    const { errors, output } = await lango(importing(file), env);
    expect(errors).to.include('20 of 20 rows are in');
    expect(output).to.match(/^Statement stm_\w+: 20 rows, 20 new lines, 0 known; 0 matched, 0 suggested\.\n$/);
    const wrong = write('wrong.csv', csvFile(classicRows(ledger(1, 'UJ8'), { shortcode: '999999' })));
    const refused = await lango(importing(wrong), env);
    expect(refused).to.include({ status: 1, output: '' });
    expect(refused.errors).to.include('This is the statement of 999999, not of 600997.');
    const missing = await lango(importing(join(folder, 'none.csv')), env);
    expect(missing).to.include({ status: 1 });
    expect((await lango(['statements', 'import', '--file', file], env)).status).to.equal(2);
  });

  it('goes on where one was killed, and no line comes twice', async () => {
    const rows = ledger(700, 'UJ9');
    const file = write('large.csv', csvFile(newerRows(rows)));
    const id = await killInTheMiddle(file);
    const half = await db('statements').where({ id }).first();
    expect(half.status).to.equal('importing');
    expect(half.rows_done).to.be.greaterThan(0).and.below(700);
    expect(await db('statement_lines').where({ statement_id: id }).whereNotNull('due_at')).to.deep.equal([]);
    // Whoever was killed may still be at work, for all that others know.
    await db('statements')
      .where({ id })
      .update({ lease_until: Date.now() + 600_000 });
    const early = await lango([...importing(file), '--json'], env);
    expect(early).to.include({ status: 1 });
    expect(early.errors).to.include('It is being imported.');
    // Its lease has run out.
    await db('statements').where({ id }).update({ lease_until: 1 });
    expect(await run(importing(file))).to.deep.include({ id, rows: 700, lines_new: 700, lines_known: 0 });
    const { n } = (await db('statement_lines').where({ statement_id: id }).count({ n: '*' }).first())!;
    expect(Number(n)).to.equal(700);
  });

  /** The id of the statement whose import was killed. */
  async function killInTheMiddle(file: string): Promise<string> {
    const program = join('test', 'support', 'halting-import.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', program, shortcodeId, file, '2'], {
      cwd: join(import.meta.dirname, '..', '..'),
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(child, 'close');
    const halted = once(child.stdout, 'data').then(([said]) => String(said).trim());
    const id = await Promise.race([halted, gone.then(() => 'it ended by itself')]);
    child.kill('SIGKILL');
    await gone;
    return id;
  }
});

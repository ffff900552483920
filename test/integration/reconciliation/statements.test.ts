// Importing statements into a real database: what is decided on is done once and whole, whoever dies on the way; files that
// overlap add nothing; and what a file says of time and balances is told where it belongs.

import { expect } from 'chai';
import { inTransaction, openDatabase } from '../../../src/platform/database.ts';
import { idAt, newId } from '../../../src/platform/ids.ts';
import { isCovered } from '../../../src/reconciliation/coverage-store.ts';
import type { Discrepancy } from '../../../src/reconciliation/discrepancy.ts';
import { listDiscrepancies } from '../../../src/reconciliation/discrepancy-store.ts';
import { claimImport, importStatement, leaseMs } from '../../../src/reconciliation/import-statement.ts';
import { addPiece } from '../../../src/reconciliation/statement-file-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import {
  classicRows,
  csvFile,
  type LedgerRow,
  ledgerOf,
  type Move,
  nairobi,
  newerRows,
  workbookFile,
} from '../../support/statement-files.ts';
import { beginStatementStage, type StatementStage } from '../../support/statement-stage.ts';

const minute = 60_000;
const begin = nairobi('2026-10-06 08:00:00');

/** So many payments of KES 100, a minute apart. */
function payments(count: number, from = begin): LedgerRow[] {
  const moves = Array.from({ length: count }, (_, index): Move => {
    const receipt = `UJ6${String(index).padStart(7, '0')}`;
    return {
      kind: 'payment',
      receipt,
      at: from + index * minute,
      amountCents: 10_000,
      account: `INV-${index}`,
      party: '25471****678 - JANE **** DOE',
    };
  });
  return ledgerOf(moves);
}

const newer = (rows: readonly LedgerRow[]): Buffer => csvFile(newerRows(rows));

describe('statement imports', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let stage: StatementStage;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    stage = await beginStatementStage(app);
  });
  after(() => app.close());

  const classic = (rows: readonly LedgerRow[], options = {}): Buffer =>
    csvFile(classicRows(rows, { shortcode: stage.shortcode.shortcode, ...options }));
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (thrown: Error) => thrown.message,
    );
  const breaks = async (status: 'open' | 'closed'): Promise<Discrepancy[]> => {
    const filter = { tenantIds: [stage.tenant.id], mode: null, types: ['balance_break'] as const, status };
    return (await listDiscrepancies(app.gateway.core.db, filter, { limit: 50 })).items;
  };

  it('shows what is in a file and changes nothing', async () => {
    const { statement, isKnown } = await stage.preview(classic(payments(3)), 'C:\\fakepath\\October.csv');
    expect(isKnown).to.equal(false);
    expect(statement).to.deep.include({
      status: 'previewed',
      fileName: 'October.csv',
      fileType: 'csv',
      format: 'classic',
      rows: 3,
      rowsDone: 0,
      openingCents: 0,
      closingCents: 30_000,
      periodFrom: begin,
      periodTo: begin + 2 * minute,
    });
    expect(await stage.lines()).to.deep.equal([]);
    expect(await stage.read(statement.id)).to.deep.equal(statement);
  });

  it('brings in every line once, by the balances and the bytes that were looked at', async () => {
    const done = await stage.import(classic(payments(450)));
    expect(done).to.include({ status: 'imported', linesNew: 450, linesKnown: 0, rowsDone: 450, leaseUntil: null });
    const lines = await stage.lines();
    expect(lines).to.have.length(450);
    expect(lines[7]).to.deep.include({
      source: 'statement',
      statementId: done.id,
      receipt: 'UJ60000007',
      kind: 'payment',
      amountCents: 10_000,
      balanceCents: 80_000,
      account: 'INV-7',
      phone: '25471****678',
      payerName: 'JANE **** DOE',
      completedAt: begin + 7 * minute,
      day: '2026-10-06',
      status: 'new',
    });
    expect(lines[7]!.dueAt).to.equal(app.gateway.core.now());
    expect(await stage.countPieces()).to.equal(0);
    expect(stage.reconciled).to.deep.equal(['2026-10-06']);
  });

  it('keeps customers out of every column but the sealed ones', async () => {
    const { id } = await stage.import(classic(payments(1)));
    const { db } = app.gateway.core;
    const rows = [
      await db('statements').where({ id }).first(),
      await db('statement_lines').where({ statement_id: id }).first(),
    ];
    expect(JSON.stringify(rows)).not.to.match(/JANE|25471/);
  });

  it('classifies what no payment is expected for, under its own line', async () => {
    const rows = ledgerOf([
      {
        kind: 'payment',
        receipt: 'UJ60000001',
        at: begin,
        amountCents: 10_000,
        account: 'A',
        party: '25471****678 - J D',
      },
      { kind: 'charge', receipt: 'UJ60000001', at: begin, amountCents: -50 },
      { kind: 'sweepOut', receipt: 'UJ60000002', at: begin + minute, amountCents: -9000 },
    ]);
    await stage.import(classic(rows));
    const lines = await stage.lines();
    expect(lines.map(({ kind, status, rule, dueAt }) => [kind, status, rule, dueAt === null])).to.deep.equal([
      ['charge', 'classified', 'R7', true],
      ['payment', 'new', null, false],
      ['float', 'classified', 'R7', true],
    ]);
  });

  it('knows the same file by its bytes, whatever its name, until it is thrown away', async () => {
    const file = newer(payments(3));
    const first = await stage.preview(file, 'one.csv');
    const again = await stage.preview(file, 'two.csv');
    expect(again).to.deep.include({ isKnown: true });
    expect(again.statement.id).to.equal(first.statement.id);
    expect(await stage.countPieces()).to.equal(1);
    const other = await beginStatementStage(app);
    expect((await other.preview(file)).isKnown).to.equal(false);
  });

  it('keeps nothing of a file that is refused', async () => {
    const before = Number((await app.gateway.core.db('statement_files').count({ n: '*' }).first())?.n);
    const wrong = csvFile(classicRows(payments(3), { shortcode: '999999' }));
    expect(await refusal(stage.preview(wrong))).to.match(/statement of 999999/);
    expect(Number((await app.gateway.core.db('statement_files').count({ n: '*' }).first())?.n)).to.equal(before);
  });

  it('adds nothing where files overlap, in either format and any type', async () => {
    const rows = payments(30);
    const { shortcode } = stage.shortcode;
    await stage.import(newer(rows.slice(0, 12)));
    const { statement } = await stage.preview(
      workbookFile(classicRows(rows.slice(5, 25), { shortcode, hasNumbers: true }), 'xls'),
    );
    expect(statement.summary).to.include({ lines: 20, known: 7 });
    expect(await importStatement(stage.deps, statement.id)).to.include({ linesNew: 13, linesKnown: 7 });
    expect(await stage.import(workbookFile(newerRows(rows), 'xlsx'))).to.include({ linesNew: 5, linesKnown: 25 });
    expect((await stage.lines()).map(({ receipt }) => receipt)).to.deep.equal(rows.map(({ receipt }) => receipt));
  });

  it('can be watched from another connection while it runs, and matching looks at nothing before all is in', async () => {
    const other = openDatabase(app.config.databaseUrl, 2);
    const seen: [done: number, lines: number, due: number][] = [];
    const count = async (statementId: string, isDue: boolean): Promise<number> => {
      const query = other('statement_lines').where({ statement_id: statementId });
      if (isDue) query.whereNotNull('due_at');
      return Number((await query.count({ n: '*' }).first())?.n);
    };
    try {
      const { statement } = await stage.preview(newer(payments(600)));
      const { id } = statement;
      await importStatement(stage.deps, id, {
        async onProgress() {
          const { rows_done, status } = await other('statements').where({ id }).first();
          expect(status).to.equal('importing');
          seen.push([rows_done, await count(id, false), await count(id, true)]);
        },
      });
      expect(seen.length).to.be.greaterThan(2);
      for (const [done, lines, due] of seen) expect([lines, due]).to.deep.equal([done, 0]);
      expect(seen.at(-1)![0]).to.equal(600);
      expect(await count(id, true)).to.equal(600);
    } finally {
      await other.destroy();
    }
  });

  it('let the rest of the process have its turn between their steps', async () => {
    let [turns, isOver] = [0, false];
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const { statement } = await stage.preview(newer(payments(1000)));
    expect(turns, 'while it was read').to.be.at.least(4);
    const steps: number[] = [];
    await importStatement(stage.deps, statement.id, { onProgress: () => void steps.push(turns) });
    isOver = true;
    expect(steps.length).to.be.at.least(5);
    for (let step = 1; step < steps.length; step += 1) expect(steps[step]).to.be.greaterThan(steps[step - 1]!);
  });

  describe('that are broken off', () => {
    /** Stops an import after its second step, as a process that ends does. */
    async function breakOff(file: Buffer): Promise<string> {
      const { statement } = await stage.preview(file);
      const stop = new AbortController();
      let steps = 0;
      const onProgress = (): void => {
        steps += 1;
        if (steps === 2) stop.abort();
      };
      await refusal(importStatement(stage.deps, statement.id, { signal: stop.signal, onProgress }));
      return statement.id;
    }

    it('are gone on with by the worker, and no line comes twice', async () => {
      const id = await breakOff(newer(payments(600)));
      const half = await stage.read(id);
      expect(half.status).to.equal('importing');
      expect(half.rowsDone).to.be.greaterThan(0).and.below(600);
      expect((await stage.lines()).filter(({ dueAt }) => dueAt !== null)).to.deep.equal([]);
      expect(await app.gateway.statements.tend()).to.be.greaterThan(0);
      expect(await stage.read(id)).to.include({ status: 'imported', linesNew: 600, linesKnown: 0, leaseUntil: null });
      expect(await stage.lines()).to.have.length(600);
      expect(await stage.countPieces()).to.equal(0);
    });

    it('by a process that was killed, wait until nobody can be at work any more', async () => {
      const { db, now } = app.gateway.core;
      const { statement } = await stage.preview(newer(payments(5)));
      await claimImport(db, statement.id, now());
      expect(await refusal(claimImport(db, statement.id, now()))).to.match(/being imported/);
      await app.gateway.statements.tend();
      expect((await stage.read(statement.id)).status).to.equal('importing');
      await app.clock.advance(leaseMs + 1);
      await app.gateway.statements.tend();
      expect(await stage.read(statement.id)).to.include({ status: 'imported', linesNew: 5 });
    });

    it('are not finished by whoever was away for too long', async () => {
      const { db, now } = app.gateway.core;
      const { statement } = await stage.preview(newer(payments(600)));
      let isTaken = false;
      const late = importStatement(stage.deps, statement.id, {
        async onProgress() {
          if (isTaken) return;
          isTaken = true;
          await app.clock.advance(leaseMs + 1);
          await claimImport(db, statement.id, now());
        },
      });
      expect(await refusal(late)).not.to.equal('done');
      expect(await stage.read(statement.id)).to.include({ status: 'importing' });
      expect((await stage.read(statement.id)).rowsDone).to.be.below(600);
    });

    it('after all lines were in, are still reconciled', async () => {
      const { statement } = await stage.preview(newer(payments(5)));
      const failing = { ...stage.deps, reconcileDay: () => Promise.reject(new Error('the database went away')) };
      expect(await refusal(importStatement(failing, statement.id))).to.equal('the database went away');
      const half = await stage.read(statement.id);
      expect(half).to.include({ status: 'imported', linesNew: 5 });
      expect(half.leaseUntil).to.be.greaterThan(app.gateway.core.now());
      expect(await stage.countPieces()).to.equal(1);
      await app.clock.advance(leaseMs + 1);
      expect(await importStatement(stage.deps, statement.id)).to.include({ leaseUntil: null, linesNew: 5 });
      expect(stage.reconciled).to.deep.equal(['2026-10-06']);
    });

    it('can be begun by two at once, and one of them does it', async () => {
      const { db, now } = app.gateway.core;
      const { statement } = await stage.preview(newer(payments(5)));
      const tries = [1, 2].map(() => refusal(inTransaction(db, (trx) => claimImport(trx, statement.id, now()))));
      const [one, other] = (await Promise.all(tries)).sort();
      expect(one).to.equal('done');
      expect(other).to.match(/being imported/);
    });
  });

  it('are done once', async () => {
    const { id } = await stage.import(newer(payments(2)));
    expect(await refusal(importStatement(stage.deps, id))).to.match(/imported already/);
  });

  describe('and time', () => {
    it('covers what the file tells, and no more', async () => {
      const { db } = app.gateway.core;
      const covered = (text: string): Promise<boolean> => isCovered(db, stage.shortcode.id, nairobi(text));
      const day = { from: nairobi('2026-10-06 00:00:00'), to: nairobi('2026-10-06 23:59:59') };
      await app.clock.advance(Math.max(0, nairobi('2026-10-08 00:00:00') - app.gateway.core.now()));
      await stage.import(classic(payments(3), { ...day, reportAt: nairobi('2026-10-07 08:00:00') }));
      expect(await covered('2026-10-06 00:00:00')).to.equal(true);
      expect(await covered('2026-10-06 21:59:59')).to.equal(true);
      expect(await covered('2026-10-06 22:30:00')).to.equal(false);
      expect(await covered('2026-10-05 23:00:00')).to.equal(false);
    });
  });

  describe('and balances', () => {
    it('tells a gap as a discrepancy, once, and closes it when another file tells what was missing', async () => {
      const rows = payments(6);
      const gap = [...rows.slice(0, 2), ...rows.slice(4)];
      await stage.import(newer(gap));
      const [found] = await breaks('open');
      expect(found).to.deep.include({
        receipt: 'UJ60000004',
        atRiskCents: 20_000,
        severity: 'critical',
        day: '2026-10-06',
        detail: 'Between UJ60000001 and UJ60000004 KES 200.00 came in that the statement does not tell.',
      });
      // The same gap in a longer file.
      await stage.import(classic([...gap]));
      expect(await breaks('open')).to.have.length(1);
      await stage.import(newer(rows.slice(1, 5)));
      expect(await breaks('open')).to.deep.equal([]);
      expect((await breaks('closed'))[0]).to.include({ id: found!.id, resolution: 'cause_gone' });
    });

    it('takes no gap for one that an earlier file has filled', async () => {
      const rows = payments(6);
      await stage.import(newer(rows.slice(1, 5)));
      await stage.import(newer([...rows.slice(0, 2), ...rows.slice(4)]));
      expect(await breaks('open')).to.deep.equal([]);
    });
  });

  it('forgets previews after a day, and files that nothing needs', async () => {
    const { db, sealer, now } = app.gateway.core;
    const file = newer(payments(2));
    const { statement } = await stage.preview(file);
    const left = newId('stm');
    await addPiece(db, sealer, left, 0, Buffer.from('an upload that was broken off'));
    await app.gateway.statements.tend();
    expect((await stage.read(statement.id)).status).to.equal('previewed');
    // Ids carry the time of the machine, and the clock of a test may be years away from it.
    await db('statement_files')
      .where({ statement_id: left })
      .update({ statement_id: idAt('stm', now() - 1000) });
    await app.clock.advance(24 * 60 * minute + 1);
    await app.gateway.statements.tend();
    expect((await stage.read(statement.id)).status).to.equal('discarded');
    expect(
      await db('statement_files')
        .where({ id: `${left}.0` })
        .first(),
    ).to.equal(undefined);
    expect((await stage.preview(file)).isKnown).to.equal(false);
  });
});

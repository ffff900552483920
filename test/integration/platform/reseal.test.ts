// Rotating the master key on a real database: everything sealed opens with the new key alone afterwards, whatever stops
// the rotation on the way, and whatever servers write meanwhile.

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createOperator } from '../../../src/console/manage-operators.ts';
import { updateOperator } from '../../../src/console/operator-store.ts';
import { approve, requestApproval } from '../../../src/platform/approvals.ts';
import type { Db } from '../../../src/platform/database.ts';
import { dialectOf } from '../../../src/platform/database.ts';
import { type ResealDeps, reseal } from '../../../src/platform/reseal.ts';
import { countStaleBoxes, replaceBoxes, sealedColumns } from '../../../src/platform/reseal-store.ts';
import { createSealer } from '../../../src/platform/sealing.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { confirm, confirmationBody } from '../../support/feeds.ts';
import { beginStatementStage } from '../../support/statement-stage.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

/** `table.column` of every column whose name says that it is sealed. */
async function sealedInSchema(db: Db): Promise<string[]> {
  const sql =
    dialectOf(db) === 'sqlite'
      ? "select m.name as t, c.name as c from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'"
      : 'select table_name as t, column_name as c from information_schema.columns where table_schema = database()';
  const result = await db.raw(sql);
  const rows: { t: string; c: string }[] = dialectOf(db) === 'sqlite' ? result : result[0];
  return rows.filter(({ c }) => c.endsWith('_sealed')).map(({ t, c }) => `${t}.${c}`);
}

describe('resealing', () => {
  let app: TestGateway;
  let approvalId: string;
  const key = randomBytes(32);
  const by = (name: string) => ({ actor: { id: name, name }, ip: null });
  const approving = (core: TestGateway['gateway']['core']) => ({
    ...core,
    auditKey: core.dataKeys.audit,
    needsTwoPersons: true,
  });
  const newest = (): ResealDeps['sealer'] => createSealer([key, ...app.gateway.core.masterKeys]);
  const deps = (more: Partial<ResealDeps> = {}): ResealDeps => ({
    db: app.gateway.core.db,
    sealer: newest(),
    pause: async () => undefined,
    onProgress: () => undefined,
    ...more,
  });
  const staleCount = async (): Promise<number> => {
    const prefix = newest().seal('', ['', '', '']).split('.')[0]!;
    const counts = await Promise.all(
      sealedColumns.map((column) => countStaleBoxes(app.gateway.core.db, column, `${prefix}.`)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };

  beforeEach(async () => {
    app = await buildGateway();
    for (let n = 0; n < 7; n += 1) await app.pay();
    const { body } = await app.pay({ phone: '254708374149', reference: 'PAID' });
    await app.until(body.id, 'pending');
    await app.advance(10_000);
    await app.until(body.id, 'succeeded');
    const receiver = await startReceiver();
    const endpoint = await app.call('/v1/webhook-endpoints', { body: { url: receiver.url } });
    await app.call(`/v1/webhook-endpoints/${endpoint.body.id}/test`, { method: 'POST' });
    await app.advance(0);
    await receiver.close();
    for (const confirmation of [confirmationBody(app, { BusinessShortCode: '174379' }), 'unreadable'])
      await confirm(app, app.tenant.shortcodeId, confirmation);
    const { preview } = await beginStatementStage(app);
    const header =
      'Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)';
    const row =
      'UJ68K3W0QZ,06/10/2026 14:15:52,Pay Bill from 2547****111 - JANE Acc. INV-1,Completed,150.00,0.00,150.00';
    await preview(Buffer.from(`${header}\r\n${row}\r\n`));
    const { core } = app.gateway;
    const { operator } = await createOperator(
      { ...core, consoleKey: core.dataKeys.console, auditKey: core.dataKeys.audit },
      { actor: { id: 'cli', name: 'test' }, ip: null },
      { email: 'owner@duka.co.ke', role: 'owner', tenantId: null, password: null },
    );
    await updateOperator(core.db, core.sealer, { ...operator, totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' });
    const what = { kind: 'x', tenantId: null, mode: null, subject: 'x', stateKey: '', payload: {}, secret: 'it waits' };
    const why = { reasonCode: 'x', reason: 'because' };
    const { approval } = await requestApproval(approving(core), by('asha'), { ...what, ...why }, async () => null);
    approvalId = approval.id;
  });
  afterEach(() => app.close());

  it('knows every sealed column of the schema', async () => {
    const known = sealedColumns.map(({ table, column }) => `${table}.${column}`);
    expect(known.sort()).to.deep.equal((await sealedInSchema(app.gateway.core.db)).sort());
  });

  it('leaves nothing that the old key is needed for, and the API reads everything with the new one alone', async () => {
    const before = await staleCount();
    const result = await reseal(deps());
    expect(result).to.deep.include({ resealed: before, unreadable: [], left: 0 });
    expect(result.tables).to.have.all.keys(...new Set(sealedColumns.map(({ table }) => table)));
    for (const count of Object.values(result.tables)) expect(count).to.be.greaterThan(0);

    const after = await buildGateway({ beside: app, env: { MASTER_KEY: key.toString('base64') } });
    try {
      const list = await after.call('/v1/payments?limit=100');
      expect(list.body.data).to.have.length(8);
      expect(list.body.data[0].phone).to.match(/^254\d{9}$/);
      expect((await after.call('/v1/events')).body.data[0].data.object).to.equal('payment');
      const made = await after.pay();
      await after.until(made.body.id, 'pending'); // the shortcode's credentials open
      const secrets: (string | null)[] = [];
      await approve(approving(after.gateway.core), by('brian'), approvalId, async (_trx, { secret }) => {
        secrets.push(secret);
        return () => undefined;
      });
      expect(secrets).to.deep.equal(['it waits']);
    } finally {
      await after.close();
    }
  });

  it('goes on where it was stopped', async () => {
    const before = await staleCount();
    let batches = 0;
    const stop = deps({
      batchSize: 3,
      onProgress({ table }) {
        if (table === 'payments') batches += 1;
        if (batches === 2) throw new Error('killed');
      },
    });
    expect(await reseal(stop).catch((thrown: Error) => thrown.message)).to.equal('killed');
    const left = await staleCount();
    expect(left).to.be.greaterThan(0).and.below(before);
    expect(await reseal(deps({ batchSize: 3 }))).to.include({ resealed: left, left: 0 });
    expect(await reseal(deps())).to.include({ resealed: 0, left: 0 });
  });

  it('looks again for what a server sealed with the old key meanwhile', async () => {
    const { db, sealer } = app.gateway.core;
    const { id } = await db('payments').orderBy('id').first('id');
    let isDone = false;
    const result = await reseal(
      deps({
        async pause() {
          if (isDone) return;
          isDone = true;
          const { id: last } = await db('payments').orderBy('id', 'desc').first('id');
          for (const paymentId of [id, last])
            await db('payments')
              .where({ id: paymentId })
              .update({ phone_sealed: sealer.seal('254700000001', ['payments', 'phone_sealed', paymentId]) });
        },
        batchSize: 2,
      }),
    );
    expect(result).to.include({ left: 0 });
    const { phone_sealed } = await db('payments').where({ id }).first('phone_sealed');
    expect(newest().isCurrent(phone_sealed)).to.equal(true);
  });

  it('replaces a box only while it is the one that was read', async () => {
    const { db } = app.gateway.core;
    const column = sealedColumns.find(({ table }) => table === 'payments')!;
    const row = await db('payments').first('id', 'phone_sealed');
    expect(
      await replaceBoxes(db, column, [{ rowId: row.id, oldBox: `${row.phone_sealed}x`, newBox: 'overwritten' }]),
    ).to.equal(0);
    expect((await db('payments').where({ id: row.id }).first('phone_sealed')).phone_sealed).to.equal(row.phone_sealed);
  });

  it('names what no key opens, and reseals the rest', async () => {
    const { db } = app.gateway.core;
    const { id } = await db('payments').first('id');
    await db('payments').where({ id }).update({ phone_sealed: 'xxxxxx.AAAA' });
    const result = await reseal(deps());
    expect(result.unreadable).to.deep.equal([`payments phone_sealed ${id}`]);
    expect(result.left).to.equal(1);
  });
});

// The books of one shortcode as a test keeps them: payments that were paid and lines of M-PESA's record, written straight
// into the database and linked as matching would have left them, and days that are closed. Each has a tenant of its own.

import { expect } from 'chai';
import { type CloseOutcome, closeDayAs } from '../../src/console/close-acts.ts';
import type { SourceLine } from '../../src/mpesa/source-line.ts';
import type { ApprovalDeps } from '../../src/platform/approvals.ts';
import { type CloseBody, type DailyClose, readBody } from '../../src/reconciliation/close.ts';
import { type ClosePreview, previewClose } from '../../src/reconciliation/close-day.ts';
import type { DiscrepancyType } from '../../src/reconciliation/discrepancy.ts';
import { openFindings } from '../../src/reconciliation/discrepancy-store.ts';
import { type LineStatus, startOfDay } from '../../src/reconciliation/line.ts';
import { addLines } from '../../src/reconciliation/line-store.ts';
import type { TestGateway, TestTenant } from './build-gateway.ts';
import { insertSeeded, type SeededStep, seededRows } from './seeded-payments.ts';

export const minute = 60_000;

export interface BookLine extends Partial<SourceLine> {
  /** `2026-10-05 12:00:00`, in Nairobi. */
  at: string;
  status?: LineStatus;
  paymentId?: string | null;
}

export interface Books {
  tenant: TestTenant;
  /** A payment that was paid; its id. */
  paid(at: string, kes: number, receipt: string | null): Promise<string>;
  /** A payment that ended otherwise. */
  ended(at: string, kes: number, to: SeededStep['to']): Promise<string>;
  line(line: BookLine): Promise<void>;
  /** A payment with its line in the statement. */
  sold(at: string, kes: number, receipt: string, balanceCents?: number | null): Promise<string>;
  /** One that is open; its id. */
  discrepancy(type: DiscrepancyType, day: string, atRiskCents: number, paymentId?: string | null): Promise<string>;
  preview(day: string): Promise<ClosePreview>;
  ask(day: string, reason?: string): Promise<CloseOutcome>;
  /** Closes a clean day; fails where it is not. */
  close(day: string): Promise<{ close: DailyClose; body: CloseBody }>;
  deps: ApprovalDeps;
}

export const clerk = { actor: { id: 'opr_clerk', name: 'clerk@lango.example' }, ip: '127.0.0.1' };
export const boss = { actor: { id: 'opr_boss', name: 'boss@lango.example' }, ip: '127.0.0.1' };

/** A moment of Nairobi, as `2026-10-05 12:00:00`. */
export function nairobi(text: string): number {
  const [day = '', time = '00:00:00'] = text.split(' ');
  return startOfDay(day) + Date.parse(`1970-01-01T${time}Z`);
}

/** Lines in one write share nothing: each is its own call, as sources tell them. */
export async function keepBooks(app: TestGateway, given?: TestTenant): Promise<Books> {
  const { db, sealer, now, dataKeys } = app.gateway.core;
  const tenant = given ?? (await app.addTenant());
  const { id: tenantId, shortcodeId } = tenant;
  const deps = { db, now, sealer, auditKey: dataKeys.audit, needsTwoPersons: true };
  const owner = { tenantId, mode: 'test', shortcodeId, environment: 'simulator', shortcode: '174379' } as const;

  async function seed(at: string, amountKes: number, steps: readonly SeededStep[]): Promise<string> {
    const createdAt = nairobi(at);
    const { payment, ...rows } = seededRows({ tenantId, shortcodeId, createdAt, amountKes }, steps);
    await insertSeeded(db, rows);
    return payment.id;
  }

  const books: Books = {
    tenant,
    deps,
    async paid(at, kes, receipt) {
      const id = await seed(at, kes, [{ to: 'succeeded', at: nairobi(at) + 20_000 }]);
      await db('payments').where({ id }).update({ mpesa_receipt: receipt, amount_received_kes: kes });
      return id;
    },
    ended: (at, kes, to) => seed(at, kes, [{ to, at: nairobi(at) + 20_000 }]),
    async line({ at, status = 'orphan', paymentId = null, ...values }) {
      const line: SourceLine = {
        source: 'statement',
        kind: 'payment',
        receipt: 'none',
        linkedReceipt: null,
        amountCents: 100_00,
        balanceCents: null,
        account: 'INV-1',
        phone: '2547*****678',
        payerName: null,
        details: null,
        completedAt: nairobi(at),
        raw: '',
        ...values,
      };
      expect(await addLines(db, sealer, owner, [line], { now: now() }), 'a new line').to.equal(1);
      const its = { shortcode_id: shortcodeId, source: line.source, receipt: line.receipt, kind: line.kind };
      if (line.kind === 'payment' || line.kind === 'reversal')
        await db('statement_lines')
          .where({ ...its, completed_at: line.completedAt })
          .update({ status, payment_id: paymentId, due_at: null });
    },
    async sold(at, kes, receipt, balanceCents = null) {
      const paymentId = await books.paid(at, kes, receipt);
      await books.line({ at, receipt, amountCents: kes * 100, balanceCents, status: 'matched', paymentId });
      return paymentId;
    },
    async discrepancy(type, day, atRiskCents, paymentId = null) {
      const finding = { type, day, atRiskCents, paymentId, lineId: null, receipt: null, detail: 'Something differs.' };
      await openFindings(db, [{ ...finding, tenantId, mode: 'test', shortcodeId, candidates: [] }], now());
      const { id } = await db('discrepancies').where({ shortcode_id: shortcodeId, type, day }).first('id');
      return id;
    },
    preview: (day) => previewClose(deps, shortcodeId, day),
    ask: async (day, reason = '') => closeDayAs(deps, clerk, await books.preview(day), reason),
    async close(day) {
      const outcome = await books.ask(day);
      if (outcome.outcome !== 'closed') throw new Error(`${day} was not closed: ${outcome.outcome}`);
      return { close: outcome.close, body: readBody(outcome.close) };
    },
  };
  return books;
}

// A stage for tests of matching: a real gateway, a tenant whose payments are where the test wants them, and lines of
// M-PESA's record as its three sources would bring them. Nothing runs by itself.

import { randomBytes } from 'node:crypto';
import { readDenial } from '../../src/mpesa/result-codes.ts';
import type { SourceLine } from '../../src/mpesa/source-line.ts';
import type { Payment } from '../../src/payments/payment.ts';
import { findPaymentAcrossTenants } from '../../src/payments/payment-store.ts';
import { type Settled, settlePayment } from '../../src/payments/settle-payments.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import type { Discrepancy } from '../../src/reconciliation/discrepancy.ts';
import { listDiscrepancies } from '../../src/reconciliation/discrepancy-store.ts';
import type { Line, LineOwner } from '../../src/reconciliation/line.ts';
import { addLines, toLine } from '../../src/reconciliation/line-store.ts';
import type { MatchDeps } from '../../src/reconciliation/match-lines.ts';
import type { TestGateway } from './build-gateway.ts';
import { exchange, makeEvidence, pushAnswered } from './payment-evidence.ts';
import { beginPausedStory } from './payment-states.ts';
import type { Story } from './payment-story.ts';

export const freshReceipt = (): string => `U${randomBytes(5).toString('hex').slice(0, 9).toUpperCase()}`;

export interface Pushed {
  id: string;
  phone: string;
  reference: string;
  ids: { merchantRequestId: string; checkoutRequestId: string };
  /** When the push was begun. */
  at: number;
}

export interface MatchStage {
  story: Story;
  owner: LineOwner;
  deps: MatchDeps;
  /** What was announced, newest last. */
  announced: Settled[];
  /** A payment whose push was accepted and of which nothing was heard; its shortcode is paused, so nothing else moves it. */
  push(body?: Record<string, unknown>): Promise<Pushed>;
  /** A callback's yes. */
  callback(pushed: Pushed, receipt: string, amountKes?: number): Promise<void>;
  /** A query's yes. */
  query(pushed: Pushed): Promise<void>;
  /** A callback's no. */
  deny(pushed: Pushed, code?: string): Promise<void>;
  /** The line M-PESA would have of this push; `values` win. */
  lineOf(pushed: Omit<Pushed, 'ids'>, values?: Partial<SourceLine>): SourceLine;
  /** Stores lines; those that are new. */
  add(...lines: SourceLine[]): Promise<Line[]>;
  read(paymentId: string): Promise<Payment>;
  readLine(lineId: string): Promise<Line>;
  open(filter?: { type?: Discrepancy['type'] }): Promise<Discrepancy[]>;
}

/** @param told of a tenant whose payments are really pushed; without it, of one whose shortcode is paused */
export async function beginMatchStage(app: TestGateway, told?: Story): Promise<MatchStage> {
  const story = told ?? (await beginPausedStory(app));
  const { db, sealer, now } = app.gateway.core;
  const announced: Settled[] = [];
  const deps: MatchDeps = {
    db,
    sealer,
    now,
    random: () => 0.5,
    readDenial,
    announce: (changes) => void announced.push(...changes),
    logger: silentLogger,
  };
  const owner: LineOwner = {
    tenantId: story.tenant.id,
    mode: 'test',
    shortcodeId: story.tenant.shortcodeId,
    environment: 'simulator',
    shortcode: '174379',
  };
  const hear = async (pushed: Pushed, values: Parameters<typeof makeEvidence>[0]): Promise<void> => {
    const ids = values.source === 'query' ? null : pushed.ids;
    const evidence = makeEvidence({ at: now(), ids, ...values });
    await settlePayment(deps, { paymentId: pushed.id, news: { kind: 'heard', evidence } });
  };
  return {
    story,
    owner,
    deps,
    announced,
    async push(body = {}) {
      const { id, phone, reference } = await story.pay({ amount: 1500, reference: 'INV-2031', ...body });
      const fresh = randomBytes(6).toString('hex');
      const ids = { merchantRequestId: `m-${fresh}`, checkoutRequestId: `ws_CO_${fresh}` };
      const at = now();
      const lease = { leaseToken: 'lease', leaseUntil: at + 60_000 };
      await settlePayment(deps, { paymentId: id, news: { kind: 'claimed', ...lease } });
      await settlePayment(deps, { paymentId: id, news: pushAnswered({ outcome: 'accepted', ...ids, exchange }) });
      return { id, phone, reference, ids, at };
    },
    callback: (pushed, receipt, amountKes = 1500) =>
      hear(pushed, { strength: 'A', resultCode: '0', receipt, amountCents: amountKes * 100, phone: pushed.phone }),
    query: (pushed) => hear(pushed, { source: 'query', strength: 'B', resultCode: '0' }),
    deny: (pushed, code = '1032') => hear(pushed, { strength: 'C', resultCode: code, resultDesc: 'no' }),
    lineOf: (pushed, values = {}) => ({
      source: 'c2b',
      kind: 'payment',
      receipt: freshReceipt(),
      linkedReceipt: null,
      amountCents: 150_000,
      balanceCents: null,
      account: pushed.reference,
      phone: `${pushed.phone.slice(0, 4)} ***** ${pushed.phone.slice(-3)}`,
      payerName: 'JANE',
      details: null,
      completedAt: pushed.at + 20_000,
      raw: '{}',
      ...values,
    }),
    async add(...lines) {
      const own = () => db('statement_lines').where({ shortcode_id: owner.shortcodeId }).orderBy('id');
      const receipts = lines.map(({ receipt }) => receipt);
      const before = new Set<string>(await own().whereIn('receipt', receipts).pluck('id'));
      await addLines(db, sealer, owner, lines, { now: now() });
      const rows = await own().whereIn('receipt', receipts);
      return rows.map((row) => toLine(row, sealer)).filter(({ id }) => !before.has(id));
    },
    read: async (paymentId) => (await findPaymentAcrossTenants(db, sealer, paymentId))!,
    readLine: async (lineId) => toLine(await db('statement_lines').where({ id: lineId }).first(), sealer),
    async open({ type } = {}) {
      const filter = { tenantIds: [owner.tenantId], mode: null, status: 'open' } as const;
      const { items } = await listDiscrepancies(db, { ...filter, ...(type && { types: [type] }) }, { limit: 100 });
      return items;
    },
  };
}

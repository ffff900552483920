// The only door through which a payment changes after it was created. Locks the payments, lets `decide` decide, and
// writes the change, its transition, its evidence and its event in one transaction: all of it happens or none of it.
// Several payments may share one transaction (group commit); each is decided by itself.

import assert from 'node:assert/strict';
import { type NewEvent, recordEvents } from '../events/event-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import { decide, type News } from './decide.ts';
import type { Evidence, ReadDenial, Verdict } from './evidence.ts';
import {
  claimReceipts,
  insertEvidence,
  insertTransitions,
  type ReceiptClaim,
  receiptKey,
  type Transition,
  type WeighedEvidence,
} from './evidence-store.ts';
import { assertTransition, type Payment, type PaymentPatch, type Status } from './payment.ts';
import { findOwnersOfIdsAcrossTenants, lockPaymentsAcrossTenants, updatePayments } from './payment-store.ts';
import { presentPayment } from './present-payment.ts';
import { dueAt } from './schedule.ts';

export interface SettleDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** A number in [0, 1), for jitter. */
  random(): number;
  readDenial: ReadDenial;
  /** Told after the commit, once for each payment that changed; must not throw. */
  announce(changes: readonly Settled[]): void;
}

export interface SettleItem {
  paymentId: string;
  news: News;
  /** Who caused it: `system`, a key's id, an operator. */
  actor?: string;
  /** Asked with the payment under its lock; where it says no, the news is dropped without a trace. */
  isWelcome?(payment: Payment): boolean;
  /** Where the receipt turns out to be another payment's, the news is dropped without a trace. */
  needsFreeReceipt?: boolean;
}

/** What became of one item. `from` and `to` are the same when the status stayed. */
export interface Settled {
  payment: Payment;
  from: Status;
  to: Status;
  verdict: Verdict;
  cause: string;
  source: string;
  /** Whether anything a merchant can see changed. */
  isChanged: boolean;
}

/**
 * Applies news to payments, in order. One result per item; undefined for a payment that does not exist, and for news
 * that came too late to matter and leaves no evidence (a lost claim).
 */
export async function settlePayments(deps: SettleDeps, items: readonly SettleItem[]): Promise<(Settled | undefined)[]> {
  const results = await inTransaction(deps.db, (trx) => settleInside(trx, deps, items));
  const changes = results.filter((result) => result !== undefined);
  if (changes.length > 0) deps.announce(changes);
  return results;
}

/** {@link settlePayments} for one payment. */
export async function settlePayment(deps: SettleDeps, item: SettleItem): Promise<Settled | undefined> {
  return (await settlePayments(deps, [item]))[0];
}

async function settleInside(trx: Db, deps: SettleDeps, items: readonly SettleItem[]): Promise<(Settled | undefined)[]> {
  const now = deps.now();
  const payments = await lockPaymentsAcrossTenants(trx, deps.sealer, [
    ...new Set(items.map(({ paymentId }) => paymentId)),
  ]);
  const welcome = new Set(items.filter((item) => isWelcome(item, payments)));
  const idOwners = await findOwnersOfIdsAcrossTenants(trx, newIds([...welcome], payments));
  const receiptOwners = await claimReceipts(trx, receiptClaims([...welcome], payments, idOwners, now));
  const written: Written = { patches: new Map(), transitions: [], evidence: [], events: [] };
  const results = items.map((item): Settled | undefined => {
    const payment = payments.get(item.paymentId);
    if (payment === undefined || !welcome.has(item)) return undefined;
    const evidence = evidenceOf(item.news);
    const checkoutRequestId = idsOf(item.news);
    const receiptTaken = isTaken(receiptOwners.get(receiptOf(payment, evidence)), payment.id);
    if (receiptTaken && item.needsFreeReceipt === true) return undefined;
    const around = {
      now,
      random: deps.random(),
      receiptTaken,
      idsTaken: checkoutRequestId !== undefined && isTaken(idOwners.get(checkoutRequestId), payment.id),
    };
    const decision = decide(payment, item.news, around, deps.readDenial);
    if (decision === null) return undefined;
    const settled = applyDecision(payment, decision.patch, now);
    if (settled.payment.checkoutRequestId !== null) idOwners.set(settled.payment.checkoutRequestId, payment.id);
    payments.set(payment.id, settled.payment);
    const { verdict, cause } = decision;
    writeDown(written, { payment, settled, verdict, cause, evidence, actor: item.actor ?? 'system', now });
    return {
      payment: settled.payment,
      from: payment.status,
      to: settled.payment.status,
      verdict,
      cause,
      source: evidence?.source ?? item.news.kind,
      isChanged: settled.isChanged,
    };
  });
  await updatePayments(
    trx,
    [...written.patches].map(([paymentId, patch]) => ({ payment: payments.get(paymentId)!, patch })),
  );
  await insertEvidence(trx, deps.sealer, written.evidence);
  await insertTransitions(trx, written.transitions);
  await recordEvents(trx, deps.sealer, written.events, now);
  return results;
}

function isWelcome(item: SettleItem, payments: Map<string, Payment>): boolean {
  const payment = payments.get(item.paymentId);
  return payment !== undefined && (item.isWelcome?.(payment) ?? true);
}

/** What becomes of payments, on its way into the database. */
export interface Written {
  patches: Map<string, PaymentPatch>;
  transitions: Transition[];
  evidence: WeighedEvidence[];
  events: NewEvent[];
}

interface Application {
  payment: Payment;
  patch: PaymentPatch;
  isChanged: boolean;
}

/** Fields whose change a merchant can see: it makes a new version. The rest is our own bookkeeping. */
const visibleFields = [
  'status',
  'flags',
  'amountReceivedKes',
  'merchantRequestId',
  'checkoutRequestId',
  'mpesaReceipt',
  'confirmedBy',
  'failureCode',
  'providerCode',
] as const;
/** Of these, the ones a merchant is told of by `payment.updated` when the status stays (api.md, Webhooks). */
const toldFields = [
  'flags',
  'amountReceivedKes',
  'mpesaReceipt',
  'confirmedBy',
  'failureCode',
  'providerCode',
] as const;

/** The payment with a decision's patch: its new version where anything visible changed, and when it is due. */
export function applyDecision(payment: Payment, patch: PaymentPatch, now: number): Application {
  const isChanged = differs(payment, patch, visibleFields);
  const changed: Payment = { ...payment, ...patch };
  if (isChanged) {
    changed.version = payment.version + 1;
    changed.updatedAt = now;
  }
  changed.dueAt = dueAt(changed);
  const full: PaymentPatch = {
    ...patch,
    dueAt: changed.dueAt,
    ...(isChanged ? { version: changed.version, updatedAt: now } : {}),
  };
  return { payment: changed, patch: full, isChanged };
}

function differs(payment: Payment, patch: PaymentPatch, fields: readonly (keyof PaymentPatch)[]): boolean {
  return fields.some((field) => patch[field] !== undefined && String(patch[field]) !== String(payment[field]));
}

interface Entry {
  payment: Payment;
  settled: Application;
  verdict: Verdict;
  cause: string;
  evidence: Evidence | null;
  actor: string;
  now: number;
}

/** Adds to `written` what a decision leaves behind: the change, its transition, its evidence, its event. */
export function writeDown(written: Written, { payment, settled, verdict, cause, evidence, actor, now }: Entry): void {
  const { payment: changed, patch, isChanged } = settled;
  if (Object.keys(patch).length > 1 || patch.dueAt !== payment.dueAt)
    written.patches.set(payment.id, { ...written.patches.get(payment.id), ...patch });
  if (evidence !== null) written.evidence.push({ payment, evidence, verdict, cause });
  let event = differs(payment, patch, toldFields) ? ('payment.updated' as const) : null;
  if (changed.status !== payment.status) {
    const told = assertTransition(payment.status, changed.status);
    event = told as typeof event;
    written.transitions.push({
      paymentId: payment.id,
      tenantId: payment.tenantId,
      version: changed.version,
      from: payment.status,
      to: changed.status,
      cause,
      evidenceId: evidence?.id ?? null,
      actor,
      at: now,
    });
  }
  if (event === null) return;
  assert(isChanged, 'an event without a new version');
  written.events.push({
    tenantId: payment.tenantId,
    mode: payment.mode,
    type: event,
    objectId: payment.id,
    version: changed.version,
    data: presentPayment(changed),
  });
}

function evidenceOf(news: News): Evidence | null {
  return 'evidence' in news ? news.evidence : null;
}

/** The CheckoutRequestID a piece of news names. */
function idsOf(news: News): string | undefined {
  if (news.kind === 'pushAnswered' && news.answer.outcome === 'accepted') return news.answer.checkoutRequestId;
  return news.kind === 'heard' ? news.evidence.ids?.checkoutRequestId : undefined;
}

function newIds(items: readonly SettleItem[], payments: Map<string, Payment>): string[] {
  return items.flatMap(({ paymentId, news }) =>
    payments.get(paymentId)?.checkoutRequestId === null ? (idsOf(news) ?? []) : [],
  );
}

function receiptOf(payment: Payment, evidence: Evidence | null): string {
  return receiptKey({
    environment: payment.environment,
    shortcode: payment.shortcode,
    receipt: evidence?.receipt ?? '',
  });
}

/** Receipts that verified money names. What has forged ids claims nothing. */
function receiptClaims(
  items: readonly SettleItem[],
  payments: Map<string, Payment>,
  idOwners: Map<string, string>,
  now: number,
): ReceiptClaim[] {
  const firstIds = new Map<string, string>();
  return items.flatMap(({ paymentId, news }): ReceiptClaim[] => {
    const payment = payments.get(paymentId);
    if (payment === undefined) return [];
    if (news.kind === 'resolved') return claimOf(payment, news.evidence, now);
    if (news.kind !== 'heard') return [];
    const { strength, receipt, ids, source, amountCents } = news.evidence;
    const isForged = ids !== null && payment.checkoutRequestId !== null && !haveSameIds(payment, ids);
    // Of two that would both bring the ids, the first one does.
    const firstId = ids === null ? undefined : (firstIds.get(paymentId) ?? ids.checkoutRequestId);
    if (ids !== null && firstId !== ids.checkoutRequestId) return [];
    if (firstId !== undefined) firstIds.set(paymentId, firstId);
    if (ids !== null && isTaken(idOwners.get(ids.checkoutRequestId), paymentId)) return [];
    if ((strength !== 'A' && strength !== 'B') || receipt === null || isForged) return [];
    return claimOf(payment, { receipt, source, amountCents }, now);
  });
}

/** The receipt belongs to this payment from now on, unless it is another's. */
function claimOf(
  payment: Payment,
  { receipt, source, amountCents }: Pick<Evidence, 'receipt' | 'source' | 'amountCents'>,
  at: number,
): ReceiptClaim[] {
  if (receipt === null) return [];
  const { environment, shortcode, id: paymentId } = payment;
  return [{ environment, shortcode, receipt, paymentId, source, amountCents, at }];
}

function haveSameIds(payment: Payment, ids: NonNullable<Evidence['ids']>): boolean {
  return payment.checkoutRequestId === ids.checkoutRequestId && payment.merchantRequestId === ids.merchantRequestId;
}

function isTaken(owner: string | undefined, paymentId: string): boolean {
  return owner !== undefined && owner !== paymentId;
}

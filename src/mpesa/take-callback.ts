// Takes a callback whose token is right. What it says is settled in one transaction, together with others of the moment,
// and only then acknowledged; when the database does not take it, it goes to the spool first (promise 3). Safaricom is
// told 200 in every case but one: when neither the database nor the disk could keep it.

import type { HeardEvidence, Strength } from '../payments/evidence.ts';
import { isEvidenceKept } from '../payments/evidence-store.ts';
import { type SettleDeps, type Settled, type SettleItem, settlePayments } from '../payments/settle-payments.ts';
import { isUniqueViolation } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { readStkCallback, type StkCallback } from './callback-body.ts';
import type { ArrivedCallback } from './callback-spool.ts';
import { interpretResultCode } from './result-codes.ts';
import { createTaker, type TakerDeps } from './take-arrived.ts';

export interface TakeCallbackDeps extends SettleDeps, Pick<TakerDeps<never, never>, 'clock' | 'logger' | 'spool'> {
  /** Whether an address may call back for a payment of this environment. */
  isAddressAllowed(address: string, environment: string): boolean;
  /** Told how each callback ended, for metrics. */
  onTaken(result: TakenCallback, settled: Settled | undefined, durationMs: number, requestId: string): void;
}

export type TakenCallback = 'settled' | 'spooled' | 'refused' | 'unknown_payment';

export interface CallbackTaker {
  take(callback: Omit<ArrivedCallback, 'kind' | 'evidenceId' | 'arrivedAt'>): Promise<TakenCallback>;
  /** Settles one that waited in the spool. */
  takeAgain(callback: ArrivedCallback): Promise<void>;
  /** Waits for what is being settled. */
  drain(): Promise<void>;
}

export function createCallbackTaker(deps: TakeCallbackDeps): CallbackTaker {
  const taker = createTaker<ArrivedCallback, TakenCallback>({
    ...deps,
    write: (callbacks) => settleBatch(deps, callbacks),
    onSpooled(callback) {
      deps.onTaken('spooled', undefined, deps.now() - callback.arrivedAt, callback.requestId);
      return 'spooled';
    },
  });
  return {
    take: (arrived) => taker.take({ ...arrived, kind: 'stk', evidenceId: newId('evd'), arrivedAt: deps.now() }),
    /** A callback that was settled before its file could be removed is known by its evidence. */
    async takeAgain(callback) {
      try {
        await taker.takeAgain(callback);
      } catch (thrown) {
        if (isUniqueViolation(thrown) && (await isEvidenceKept(deps.db, callback.evidenceId))) return;
        throw thrown;
      }
    },
    drain: taker.drain,
  };
}

async function settleBatch(deps: TakeCallbackDeps, callbacks: readonly ArrivedCallback[]): Promise<TakenCallback[]> {
  const refused = new Set<string>();
  const items = callbacks.map((callback): SettleItem => {
    const news = { kind: 'heard', evidence: callbackAsEvidence(callback) } as const;
    return {
      paymentId: callback.paymentId,
      news,
      isWelcome({ environment }) {
        const isAllowed = deps.isAddressAllowed(callback.sourceIp, environment);
        if (!isAllowed) refused.add(callback.evidenceId);
        return isAllowed;
      },
    };
  });
  const settled = await settlePayments(deps, items);
  return callbacks.map((callback, index) => {
    const result = refused.has(callback.evidenceId)
      ? 'refused'
      : settled[index] === undefined
        ? 'unknown_payment'
        : 'settled';
    deps.onTaken(result, settled[index], deps.now() - callback.arrivedAt, callback.requestId);
    return result;
  });
}

/** What a callback says, read from its body. */
export function callbackAsEvidence({
  evidenceId,
  sourceIp,
  raw,
  arrivedAt,
}: Pick<ArrivedCallback, 'evidenceId' | 'sourceIp' | 'raw' | 'arrivedAt'>): HeardEvidence {
  const callback = readStkCallback(raw);
  const common = {
    id: evidenceId,
    source: 'callback' as const,
    at: arrivedAt,
    shortcode: null,
    sourceIp,
    httpStatus: null,
    durationMs: null,
    raw,
  };
  if (!callback.readable) {
    return {
      ...common,
      strength: null,
      resultCode: null,
      resultDesc: null,
      receipt: null,
      amountCents: null,
      phone: null,
      ids: null,
      unreadable: callback.why,
    };
  }
  const { resultCode, resultDesc, receipt, amountCents, phone, merchantRequestId, checkoutRequestId } = callback;
  const strength = strengthOf(callback);
  return {
    ...common,
    strength,
    resultCode,
    resultDesc,
    receipt,
    amountCents,
    phone,
    ids: { merchantRequestId, checkoutRequestId },
    unreadable: null,
  };
}

/**
 * A yes with an amount is money, and an amount that cannot be read is another amount; a yes that lost its metadata is
 * believed like a query's; any other final code is a no.
 */
function strengthOf(callback: StkCallback): Strength {
  switch (interpretResultCode(callback.resultCode).kind) {
    case 'success':
      return callback.hasAmount ? 'A' : 'B';
    case 'denied':
      return 'C';
    case 'pending':
      return null;
  }
}

// Takes a callback whose token is right. What it says is settled in one transaction, together with others of the moment,
// and only then acknowledged; when the database does not take it, it goes to the spool first (promise 3). Safaricom is
// told 200 in every case but one: when neither the database nor the disk could keep it.

import type { HeardEvidence, Strength } from '../payments/evidence.ts';
import { isEvidenceKept } from '../payments/evidence-store.ts';
import { type SettleDeps, type Settled, type SettleItem, settlePayments } from '../payments/settle-payments.ts';
import { createBatcher } from '../platform/batcher.ts';
import type { Clock } from '../platform/clock.ts';
import { isDatabaseAway, isUniqueViolation } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/logger.ts';
import { readStkCallback, type StkCallback } from './callback-body.ts';
import type { ArrivedCallback, CallbackSpool } from './callback-spool.ts';
import { interpretResultCode } from './result-codes.ts';

export interface TakeCallbackDeps extends SettleDeps {
  clock: Clock;
  logger: Logger;
  spool: CallbackSpool;
  /** Whether an address may call back for a payment of this environment. */
  isAddressAllowed(address: string, environment: string): boolean;
  /** Told how each callback ended, for metrics. */
  onTaken(result: TakenCallback, settled: Settled | undefined, durationMs: number, requestId: string): void;
}

export type TakenCallback = 'settled' | 'spooled' | 'refused' | 'unknown_payment';

export interface CallbackTaker {
  take(callback: Omit<ArrivedCallback, 'evidenceId' | 'arrivedAt'>): Promise<TakenCallback>;
  /** Settles what waits in the spool; how many. */
  drainSpool(): Promise<number>;
  /** Waits for what is being settled. */
  drain(): Promise<void>;
}

/** Safaricom hangs up after about five seconds (daraja.md section 4.5): past this, the disk is surer than the database. */
const databasePatienceMs = 2500;

export function createCallbackTaker(deps: TakeCallbackDeps): CallbackTaker {
  const batcher = createBatcher<ArrivedCallback, TakenCallback>((callbacks) => settleBatch(deps, callbacks), {
    maxSize: 64,
    maxInFlight: 2,
    failsTogether: isDatabaseAway,
  });
  let draining: Promise<number> | null = null;

  /** A callback that was settled before its file could be removed is known by its evidence. */
  async function settleFromSpool(callback: ArrivedCallback): Promise<void> {
    try {
      await batcher.add(callback);
    } catch (thrown) {
      if (isUniqueViolation(thrown) && (await isEvidenceKept(deps.db, callback.evidenceId))) return;
      throw thrown;
    }
  }

  return {
    async take(arrived) {
      const callback = { ...arrived, evidenceId: newId('evd'), arrivedAt: deps.now() };
      try {
        return await within(deps.clock, databasePatienceMs, batcher.add(callback));
      } catch (thrown) {
        deps.logger.warn('callback.spooled', { payment_id: callback.paymentId, detail: messageOf(thrown) });
        await deps.spool.append(callback);
        deps.onTaken('spooled', undefined, deps.now() - callback.arrivedAt, callback.requestId);
        return 'spooled';
      }
    },
    drainSpool() {
      draining ??= deps.spool.drain(settleFromSpool).finally(() => {
        draining = null;
      });
      return draining;
    },
    drain: () => batcher.drain(),
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

/** Rejects when `work` takes longer; the work itself goes on, and whatever it does is recognised by its evidence. */
async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  let cancel = () => {};
  const timeout = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(ms, () => reject(new Error(`the database took longer than ${ms} ms`)));
  });
  work.catch(() => undefined);
  return Promise.race([work, timeout]).finally(cancel);
}

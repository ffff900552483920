// What is written down about callbacks beside their evidence: a line each, a count each, and when each shortcode was
// last called back (kept in memory and written now and then, because a busy shortcode's row must not be a bottleneck).

import type { Settled } from '../payments/settle-payments.ts';
import type { Db } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import { saveLastCallbacks } from './shortcode-store.ts';
import type { TakenCallback } from './take-callback.ts';

export interface CallbackLog {
  taken(result: TakenCallback, settled: Settled | undefined, durationMs: number, requestId: string): void;
  flush(): Promise<void>;
}

interface Deps {
  db: Db;
  now(): number;
  logger: Logger;
  /** Counts and times, by result. */
  count(result: TakenCallback, durationMs: number): void;
}

export function createCallbackLog({ db, now, logger, count }: Deps): CallbackLog {
  let lastCallbackAt = new Map<string, number>();
  return {
    taken(result, settled, durationMs, requestId) {
      count(result, durationMs);
      if (settled === undefined) return;
      const { payment, verdict, from, to } = settled;
      lastCallbackAt.set(payment.shortcodeId, now());
      const who = { request_id: requestId, tenant_id: payment.tenantId, payment_id: payment.id };
      logger.info('callback.settled', { ...who, verdict, from, to, duration_ms: durationMs });
    },
    async flush() {
      const noted = lastCallbackAt;
      lastCallbackAt = new Map();
      await saveLastCallbacks(db, noted);
    },
  };
}

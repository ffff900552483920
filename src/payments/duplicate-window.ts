// Two payments with the same phone, amount and shortcode inside 120 s are one customer asked twice (api.md, POST
// /v1/payments; M-PESA itself answers 17). To find that out costs nothing on the hot path: each payment tries to hold
// two guards, unique in the table, one for each of two grids of 240 s that are shifted by 120 s. Two moments less than
// 120 s apart share a cell in at least one grid, so the second insert is refused by the index itself, in whatever
// process it happens. Sharing a cell is only a suspicion: the refused one then looks closely, under a lock on whoever
// holds the guard.

import { keyedHash } from '../platform/sealing.ts';
import type { Payment, Status } from './payment.ts';

export const duplicateWindowMs = 120_000;

/** Statuses in which an earlier payment stands in the way of the same one again. */
export const rivalStatuses: readonly Status[] = [
  'queued',
  'submitting',
  'pending',
  'unknown',
  'needs_review',
  'succeeded',
];

/** The two guards of a payment. @param key of the blind index: the phone must not be guessable from a guard */
export function guardsOf(
  payment: Pick<Payment, 'tenantId' | 'mode' | 'shortcodeId' | 'phone' | 'amountKes' | 'createdAt'>,
  key: Buffer,
): { guardEven: string; guardOdd: string } {
  const details = [payment.tenantId, payment.mode, payment.shortcodeId, payment.phone, payment.amountKes].join(' ');
  // 96 bits: two payments that share them by chance cost a closer look, nothing more.
  const same = keyedHash(key, `window ${details}`, 12);
  const cell = (shiftMs: number): string =>
    Math.floor((payment.createdAt + shiftMs) / (2 * duplicateWindowMs)).toString(36);
  return { guardEven: `e${cell(0)}.${same}`, guardOdd: `o${cell(duplicateWindowMs)}.${same}` };
}

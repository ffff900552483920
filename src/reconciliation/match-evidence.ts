// A line of M-PESA's record as evidence about a payment: strength A, for it names receipt and amount.

import type { HeardEvidence } from '../payments/evidence.ts';
import { newId } from '../platform/ids.ts';
import type { Line } from './line.ts';

/** @param at when it was heard */
export function lineAsEvidence(line: Line, at: number): HeardEvidence {
  const { source, receipt, amountCents, phone, shortcode } = line;
  return {
    id: newId('evd'),
    source,
    strength: 'A',
    at,
    resultCode: null,
    resultDesc: null,
    receipt,
    amountCents,
    phone,
    shortcode,
    ids: null,
    unreadable: null,
    sourceIp: null,
    httpStatus: null,
    durationMs: null,
    // The line itself keeps what came.
    raw: null,
  };
}

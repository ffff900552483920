// Reads a C2B confirmation in every shape it was seen in (daraja.md section 6.3): flat, all texts, now and then numbers;
// the payer in full, masked or hashed; whatever the content type. It only reads: whose line it is and what it moves is
// decided elsewhere. It never throws, since Safaricom sends it once and it is acknowledged in any case.

import { byPlainName, readCompactTime, readReceipt, readSignedCents, readText } from './line-values.ts';
import type { SourceLine } from './source-line.ts';

export interface C2bConfirmation {
  readable: true;
  line: SourceLine;
  /** The shortcode it names; null when it names none. */
  shortcode: string | null;
}

export interface UnreadableConfirmation {
  readable: false;
  /** Without anything of what it says. */
  why: string;
}

/** @param arrivedAt stands in for a time that is absent or no time */
export function readC2bConfirmation(raw: string, arrivedAt: number): C2bConfirmation | UnreadableConfirmation {
  const fields = byPlainName(parse(raw));
  if (fields.size === 0) return { readable: false, why: 'not a JSON object' };
  const receipt = readReceipt(fields.get('transid'));
  if (receipt === null) return { readable: false, why: 'no TransID' };
  const amountCents = readSignedCents(fields.get('transamount'));
  if (amountCents === null || amountCents <= 0) return { readable: false, why: 'no TransAmount' };
  const names = ['firstname', 'middlename', 'lastname'].map((name) => readText(fields.get(name), 80));
  const line: SourceLine = {
    source: 'c2b',
    kind: 'payment',
    receipt,
    linkedReceipt: null,
    amountCents,
    balanceCents: readSignedCents(fields.get('orgaccountbalance')),
    account: readText(fields.get('billrefnumber')),
    phone: readText(fields.get('msisdn'), 100),
    payerName: names.filter((name) => name !== null).join(' ') || null,
    details: readText(fields.get('transactiontype')),
    completedAt: readCompactTime(fields.get('transtime')) ?? arrivedAt,
    raw,
  };
  return { readable: true, line, shortcode: readText(fields.get('businessshortcode'), 20) };
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

// The raw exchange behind a piece of evidence, as an operator may read it: the whole of it, pretty-printed where it is
// JSON, without the customer's number in any of its disguises, without credentials, with times in UTC. It is text and
// nothing else: what M-PESA, or a forger, wrote is never markup.

import { readStkCallback } from '../mpesa/callback-body.ts';
import { isoTime } from '../platform/clock.ts';
import { maskPhone, redactText } from '../platform/redaction.ts';

export interface RawEvidence {
  source: string;
  at: number;
  httpStatus: number | null;
  durationMs: number | null;
  sourceIp: string | null;
  raw: string | null;
}

export interface ShownExchange {
  /** What was said to whom, and when. */
  head: string;
  body: string;
}

const mostCharacters = 16_000;

const paths: Readonly<Record<string, string>> = {
  push: 'POST /mpesa/stkpush/v1/processrequest',
  query: 'POST /mpesa/stkpushquery/v1/query',
  callback: 'POST /callbacks/stk/[redacted]',
  c2b: 'POST /callbacks/c2b/[redacted]',
  pull: 'POST /pulltransactions/v1/query',
  statement: 'A line of the M-PESA statement',
};

/** Null where nothing was kept. */
export function showExchange(evidence: RawEvidence): ShownExchange | null {
  const { source, at, httpStatus, durationMs, sourceIp, raw } = evidence;
  const isAsked = source === 'push' || source === 'query';
  if (raw === null || (raw === '' && httpStatus === null)) return null;
  const head = [
    paths[source] ?? source,
    sourceIp === null ? null : `from ${sourceIp}`,
    isAsked ? (httpStatus === null ? 'no answer' : `HTTP ${httpStatus}`) : null,
    durationMs === null || !isAsked ? null : `${durationMs.toLocaleString('en-KE')} ms`,
    `${isoTime(at).replace('T', ' ').replace('Z', '')} UTC`,
  ];
  return { head: head.filter((part) => part !== null).join(' · '), body: readable(raw) };
}

function readable(raw: string): string {
  if (raw.trim() === '') return '(empty)';
  const parsed = parse(raw);
  const text = parsed === undefined ? redactText(raw) : compact(JSON.stringify(cleaned(parsed), null, 2));
  return text.length <= mostCharacters
    ? text
    : `${text.slice(0, mostCharacters)}\n… cut here, ${text.length} characters in all`;
}

/** Objects of one or two plain fields (the items of a callback) on one line; a text in JSON has no line breaks itself. */
function compact(json: string): string {
  return json.replace(/\{\n\s+("[^\n]*[^\n{[,])(?:,\n\s+("[^\n]*[^\n{[,]))?\n\s+\}/g, (_whole, first, second) =>
    second === undefined ? `{ ${first} }` : `{ ${first}, ${second} }`,
  );
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

const secretName =
  /^(authorization|password|passkey|security_?credential|consumer_?(key|secret)|access_?token|token|secret)$/i;

function cleaned(value: unknown, depth = 0): unknown {
  if (depth > 30) return '[too deep]';
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'number') return isPhone(value) ? maskPhone(String(value).padStart(12, '254')) : value;
  if (Array.isArray(value)) return value.map((item) => cleaned(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).map(([name, inner]) => [
    cleanText(name),
    secretName.test(name) ? '[redacted]' : cleaned(inner, depth + 1),
  ]);
  return Object.fromEntries(pairs);
}

/** With the code of the country or, as M-PESA's list of transactions writes it, without. */
function isPhone(value: number): boolean {
  const national = value >= 254_000_000_000 ? value - 254_000_000_000 : value;
  return Number.isInteger(national) && /^[17]\d{8}$/.test(String(national));
}

/** A number that is only hashed is as good as open: there are not many numbers (daraja.md section 6.3). */
function cleanText(text: string): string {
  return redactText(text).replace(/(?<![0-9a-f])([0-9a-f]{6})[0-9a-f]{58}(?![0-9a-f])/gi, '$1…[hash]');
}

const mostEarlyMs = 60_000;

/** When the customer paid, as M-PESA's record of it says; null where it does not, or says what cannot be. */
export function readPaidAt({ source, raw, at }: RawEvidence, createdAt: number): number | null {
  if (raw === null) return null;
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(writtenTime(source, raw) ?? '');
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second] = parts;
  const paidAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}+03:00`);
  return paidAt >= createdAt - mostEarlyMs && paidAt <= at + mostEarlyMs ? paidAt : null;
}

/** `yyyyMMddHHmmss` in Nairobi. */
function writtenTime(source: string, raw: string): string | null {
  if (source === 'c2b') return /"TransTime"\s*:\s*"?(\d{14})/.exec(raw)?.[1] ?? null;
  if (source !== 'callback') return null;
  const callback = readStkCallback(raw);
  return callback.readable && callback.resultCode === '0' ? callback.transactionDate : null;
}

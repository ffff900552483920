// One page of Pull Transactions (daraja.md section 6.4): what a shortcode received in a stretch of time, from a row on.
// The answer is read in every shape it was seen in; only what clearly says that there is nothing counts as the end,
// because the end is what makes a success that was not told a discrepancy.

import type { Daraja } from './daraja.ts';
import { readAnswer, type TokenRefused } from './daraja-answers.ts';
import type { RawAnswer, ShortcodeCredentials } from './daraja-client.ts';
import { byPlainName, nairobiText, readText } from './line-values.ts';
import { readResultCode } from './result-codes.ts';

export interface PullWindow {
  fromAt: number;
  toAt: number;
}

export type PullAnswer =
  /** Rows as they came, at least one. */
  | { outcome: 'rows'; rows: readonly Record<string, unknown>[] }
  /** M-PESA says that there is nothing (more). */
  | { outcome: 'end' }
  /** `refused`: the same question will be refused again. */
  | { outcome: 'refused' | 'unclear'; detail: string; retryAfterMs: number | null };

export async function pullPage(
  daraja: Daraja,
  credentials: ShortcodeCredentials,
  { fromAt, toAt, offset }: PullWindow & { offset: number },
): Promise<PullAnswer> {
  const body = {
    ShortCode: credentials.shortcode,
    StartDate: nairobiText(fromAt),
    EndDate: nairobiText(toAt),
    OffSetValue: String(offset),
  };
  const answer = await daraja.call(credentials, '/pulltransactions/v1/query', body, classifyPullAnswer);
  if (answer.outcome !== 'noToken') return answer;
  const { isRefused, detail, retryAfterMs } = answer;
  return {
    outcome: isRefused ? 'refused' : 'unclear',
    detail: isRefused ? `M-PESA refuses the credentials: ${detail}` : `no access token: ${detail}`,
    retryAfterMs,
  };
}

const saysNothing = /\bno\b.{0,20}\b(transactions?|records?|data)\b|transactions? not found/i;

export function classifyPullAnswer(raw: RawAnswer): PullAnswer | TokenRefused {
  if (raw.kind !== 'response') return { outcome: 'unclear', detail: raw.detail, retryAfterMs: null };
  const { body, refusal, tokenRefused } = readAnswer(raw);
  if (tokenRefused !== null) return tokenRefused;
  const { httpStatus, retryAfterMs } = raw;
  if (body === undefined) return { outcome: 'unclear', detail: `HTTP ${httpStatus}, not JSON`, retryAfterMs };
  const fields = byPlainName(body);
  const list = fields.get('response');
  const rows = rowsOf(list);
  if (rows.length > 0) return { outcome: 'rows', rows };

  const code = readResultCode(fields.get('responsecode')) ?? readResultCode(fields.get('responsestatus')) ?? '';
  const words = ['responsemessage', 'responsedescription', 'errormessage', 'message']
    .map((name) => readText(fields.get(name)))
    .filter((text) => text !== null)
    .join(' ');
  if (code === '1001' || saysNothing.test(words)) return { outcome: 'end' };
  const isDone = httpStatus >= 200 && httpStatus < 300 && refusal === undefined;
  if (isDone && (code === '1000' || (code === '' && Array.isArray(list)))) return { outcome: 'end' };
  const detail = `HTTP ${httpStatus} ${refusal?.code ?? code} ${refusal?.message || words}`.replace(/\s+/g, ' ').trim();
  const isRefused = /^40\d/.test(refusal?.code ?? code) && httpStatus !== 429;
  return { outcome: isRefused ? 'refused' : 'unclear', detail: detail.slice(0, 200), retryAfterMs };
}

/** Every object in arrays of whatever depth; one that is alone; a list that came as text. */
function rowsOf(response: unknown): Record<string, unknown>[] {
  if (typeof response === 'string') return rowsOf(parsed(response));
  if (Array.isArray(response)) return response.flatMap(rowsOf);
  if (typeof response !== 'object' || response === null || Object.keys(response).length === 0) return [];
  return [response as Record<string, unknown>];
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? undefined : value;
  } catch {
    return undefined;
  }
}

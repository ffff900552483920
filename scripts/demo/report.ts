// The demo in words: statuses as people say them, one payment's timeline, and the table at the end. All of it is made
// from what the API answered.

import type { Payment, TimelineEntry } from './merchant.ts';
import { type Cell, type Screen, type Tone, tableLines } from './terminal.ts';

export interface Ending {
  payment: Payment;
  timeline: readonly TimelineEntry[];
  /** What should be true of it and is not; empty when it ended as it should. */
  problems: readonly string[];
}

const words: Readonly<Record<string, { word: string; tone: Tone; known: string }>> = {
  queued: { word: 'Queued', tone: 'plain', known: 'queued again' },
  submitting: { word: 'Sending', tone: 'plain', known: 'sent' },
  pending: { word: 'Waiting', tone: 'plain', known: 'on the phone' },
  succeeded: { word: 'Paid', tone: 'good', known: 'paid' },
  failed: { word: 'Failed', tone: 'bad', known: 'failed' },
  cancelled: { word: 'Cancelled', tone: 'plain', known: 'cancelled' },
  expired: { word: 'Expired', tone: 'plain', known: 'expired' },
  unknown: { word: 'Not sure yet', tone: 'warn', known: 'no clear answer' },
  needs_review: { word: 'Needs review', tone: 'warn', known: 'needs review' },
};

export function wordFor(status: string): { word: string; tone: Tone } {
  return words[status] ?? { word: status, tone: 'bad' };
}

/** What a payment's new status says, in one line. */
export function sentenceFor(payment: Payment): string {
  switch (payment.status) {
    case 'pending':
      return 'M-PESA took the push: the prompt is on the phone';
    case 'succeeded':
      return payment.mpesa_receipt === null
        ? `confirmed by ${payment.confirmed_by}; the receipt is still missing`
        : `receipt ${payment.mpesa_receipt}, confirmed by ${payment.confirmed_by}`;
    default:
      return payment.failure?.code ?? '';
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The payment's whole timeline, a line for each entry: when, from whom, what, and the status it led to. */
export function timelineLines(screen: Screen, { payment, timeline }: Ending): string[] {
  const rows = timeline.map((entry): Cell[] => {
    const at = `+${seconds(Date.parse(entry.at) - Date.parse(payment.created_at))}`.padStart(7);
    if (entry.kind === 'transition') {
      const { word, tone } = wordFor(entry.to);
      return [{ text: at, tone: 'dim' }, { text: word, tone }, { text: entry.cause }];
    }
    return [
      { text: at, tone: 'dim' },
      { text: `  ${entry.source}`, tone: 'dim' },
      { text: evidenceWords(entry), tone: 'dim' },
    ];
  });
  return tableLines(screen, rows);
}

function evidenceWords(entry: TimelineEntry & { kind: 'evidence' }): string {
  const facts = [
    entry.result_code === null ? null : `code ${entry.result_code}`,
    entry.receipt === null ? null : `receipt ${entry.receipt}`,
    entry.amount === null ? null : `KES ${entry.amount}`,
    entry.detail,
  ].filter((fact) => fact !== null);
  return `evidence, ${entry.verdict}: ${facts.join(', ')}`;
}

export function endingTable(screen: Screen, endings: readonly Ending[]): string[] {
  const head = ['Payment', 'Status', 'Receipt', 'Confirmed by', 'What was known when'];
  const rows = endings.map((ending): Cell[] => {
    const { payment } = ending;
    const { word, tone } = wordFor(payment.status);
    return [
      { text: `${payment.reference}  KES ${payment.amount}` },
      { text: word, tone },
      { text: payment.mpesa_receipt ?? (payment.flags.includes('receipt_missing') ? 'missing' : '–') },
      { text: payment.confirmed_by ?? '–' },
      { text: knownWhen(ending) },
    ];
  });
  return tableLines(screen, [head.map((text): Cell => ({ text, tone: 'bold' })), ...rows]);
}

/** `on the phone 0.3 s, asked 4.6 s, paid 4.6 s`: from the timeline, without the steps inside the gateway. */
function knownWhen({ payment, timeline }: Ending): string {
  const created = Date.parse(payment.created_at);
  const moments = timeline.flatMap((entry): string[] => {
    const at = seconds(Date.parse(entry.at) - created);
    if (entry.kind === 'evidence') return entry.source === 'query' ? [`asked ${at}`] : [];
    if (entry.to === 'queued' || entry.to === 'submitting') return [];
    return [`${words[entry.to]?.known ?? entry.to} ${at}`];
  });
  const isOpen = payment.status === 'unknown' || payment.status === 'pending';
  return [...moments, ...(isOpen ? ['nothing since'] : [])].join(', ');
}

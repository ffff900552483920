// Whether the merchant of the demo was told everything: each event that the API lists must have arrived, verified, and
// the one that was answered with 500 must have come again. Everything said here is read from the API and the receiver.

import type { Delivery, Merchant, Payment, RecordedEvent } from './merchant.ts';
import type { Heard, Receiver } from './receiver.ts';
import { seconds } from './report.ts';
import { type Cell, type Screen, tableLines } from './terminal.ts';

export interface Told {
  events: readonly RecordedEvent[];
  /** What became of the event that was answered with 500. */
  retried: { event: RecordedEvent; delivery: Delivery } | null;
  /** What should be so and is not; empty when all is well. */
  problems: readonly string[];
}

const lookEveryMs = 100;
/** From the answer to what is written down about it. */
const writtenWithinMs = 5000;

/** @param patienceMs for what is still to come: the retry is due five seconds after the failure, a fifth more or less */
export async function settleTold(
  merchant: Merchant,
  receiver: Receiver,
  endpointId: string,
  payments: readonly Payment[],
  signal: AbortSignal,
  patienceMs = 20_000,
): Promise<Told> {
  const events = await merchant.events();
  const arrived = (id: string): boolean => receiver.heard.some((heard) => heard.id === id && heard.answered === 204);
  await receiver.until(() => signal.aborted || events.every(({ id }) => arrived(id)), patienceMs);
  signal.throwIfAborted();
  const failed = receiver.heard.find(({ answered }) => answered === 500);
  const event = events.find(({ id }) => id === failed?.id);
  const delivery = event && (await finalDelivery(merchant, endpointId, event.id));
  const problems = [
    ...events.filter(({ id }) => !arrived(id)).map(({ id, type }) => `${type} (${id}) arrived`),
    ...payments
      .filter((payment) => !receiver.heard.some((heard) => isAbout(heard, payment)))
      .map(({ reference, status }) => `${reference}: a webhook said that it is ${status}`),
    ...(wasRetried(delivery) ? [] : ['the webhook that was answered with 500 came again and was answered with 204']),
    ...(receiver.refused() === 0 ? [] : [`every signature verified; ${receiver.refused()} did not`]),
  ];
  return { events, retried: event && delivery ? { event, delivery } : null, problems };
}

/** A webhook says what the API says of this payment now. */
export function isAbout({ data }: Heard, payment: Payment): boolean {
  return data.id === payment.id && data.status === payment.status;
}

/** The answer is in before the gateway has written it down: looks again until it has. */
async function finalDelivery(merchant: Merchant, endpointId: string, eventId: string): Promise<Delivery | undefined> {
  const deadline = Date.now() + writtenWithinMs;
  for (;;) {
    const delivery = await merchant.delivery(endpointId, eventId);
    if (delivery?.status === 'delivered' || Date.now() > deadline) return delivery;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

function wasRetried(delivery: Delivery | undefined): boolean {
  const codes = delivery?.attempts.map(({ status_code }) => status_code) ?? [];
  return delivery?.status === 'delivered' && codes.join() === '500,204';
}

/** One line for a webhook as it arrives. */
export function heardWords(screen: Screen, { type, data, isKnown, answered }: Heard): string {
  const what = data.reference === undefined ? type : `${type} of ${data.reference}`;
  const answer = `answered ${screen.paint(answered === 204 ? 'good' : 'bad', String(answered))}`;
  if (answered === 500) return `${what}: verified and kept, but ${answer} on purpose`;
  if (isKnown) return `${what} again: the same webhook-id, not kept twice, ${answer}`;
  return `${what}: verified, ${answer}`;
}

export function toldLines(screen: Screen, { events, retried }: Told, url: string): string[] {
  const lines = [
    `${screen.paint('bold', 'The same by webhook')}  ${screen.paint('dim', `${events.length} events, sent to ${url}, signatures verified`)}`,
  ];
  if (retried === null) return lines;
  const { event, delivery } = retried;
  lines.push(screen.paint('dim', `   GET /v1/deliveries/${delivery.id}`));
  const first = Date.parse(delivery.attempts[0]?.started_at ?? '');
  const rows = delivery.attempts.map((attempt): Cell[] => [
    { text: `+${seconds(Date.parse(attempt.started_at) - first)}`.padStart(7), tone: 'dim' },
    { text: `attempt ${attempt.number}` },
    { text: String(attempt.status_code ?? '–'), tone: attempt.error === null ? 'good' : 'bad' },
    { text: `${event.type} of ${event.data.reference}${attempt.error === null ? '' : `: ${attempt.error}`}` },
  ]);
  return [...lines, ...tableLines(screen, rows).map((line) => `   ${line}`)];
}

// What somebody has to look at, with the money that hangs on it: payments nobody is sure about, webhooks that were given
// up, endpoints that were disabled, settings that M-PESA refuses. The most urgent first.

import { spanText } from '../platform/render.ts';
import { criticalBooks } from './attention-books.ts';
import { readSettingsRefusals } from './conditions-pushes.ts';
import { type Condition, counted, namesOf, type Snapshot, shortcodeName, sumOf } from './conditions-words.ts';
import type { DeadDeliveries, DoubtfulPayments } from './home-store.ts';
import { clockWords } from './payment-words.ts';

/** A payment in doubt is somebody's business after so long. */
export const doubtfulAfterMs = 5 * 60_000;
/** Given up longer ago: nobody is going to send it again. */
export const deadForMs = 7 * 24 * 3_600_000;

export interface Doubts {
  doubtful: readonly DoubtfulPayments[];
  dead: readonly DeadDeliveries[];
}

export interface AttentionItem {
  icon: string;
  tone: 'bad' | 'warn' | 'mute';
  words: string;
  sub: string;
  /** Null: no money hangs on it. */
  kes: number | null;
  href: string;
}

const reviewReasons: Readonly<Record<string, string>> = {
  amount: 'Another amount arrived than asked',
  receipt: 'The receipt is another payment’s',
  shortcode: 'Paid to another shortcode',
  phone: 'Another phone paid',
  no_answer: 'M-PESA never answered',
};

type HrefOf = (path: string, query?: Record<string, string>) => string;

/** @param conditions those that hold now @param snapshot of the page's scope */
export function attentionItems(
  { doubtful, dead }: Doubts,
  snapshot: Snapshot,
  conditions: readonly Condition[],
  hrefOf: HrefOf,
): AttentionItem[] {
  const failing = conditions.filter(({ kind }) => kind === 'pushes_failing').flatMap((one) => one.shortcodeIds);
  const unknown = doubtful.filter(({ status }) => status === 'unknown');
  const here = unknown.filter(({ shortcodeId }) => failing.includes(shortcodeId));
  const elsewhere = unknown.filter(({ shortcodeId }) => !failing.includes(shortcodeId));
  return [
    ...criticalBooks(snapshot.critical, hrefOf),
    ...unsure(here, snapshot, hrefOf, true, elsewhere.length > 0),
    ...reviews(
      doubtful.filter(({ status }) => status === 'needs_review'),
      snapshot.now,
      hrefOf,
    ),
    ...unsure(elsewhere, snapshot, hrefOf, false, here.length > 0),
    ...refusedSettings(snapshot, hrefOf),
    ...disabledEndpoints(snapshot, hrefOf),
    ...deadDeliveries(dead, snapshot, hrefOf),
  ];
}

export function kesAtRisk(items: readonly AttentionItem[]): number {
  return sumOf(items, ({ kes }) => kes ?? 0);
}

const oldestOf = (rows: readonly { oldestCreatedAt: number }[], now: number): string =>
  spanText(now - Math.min(...rows.map(({ oldestCreatedAt }) => oldestCreatedAt)));

function unsure(
  rows: readonly DoubtfulPayments[],
  { shortcodes, now }: Snapshot,
  hrefOf: HrefOf,
  isIncident: boolean,
  isSplit: boolean,
): AttentionItem[] {
  if (rows.length === 0) return [];
  const count = sumOf(rows, (row) => row.count);
  const [only, second] = shortcodes.filter(({ id }) => rows.some(({ shortcodeId }) => shortcodeId === id));
  const where = isIncident && only !== undefined && second === undefined ? `, ${only.number}` : '';
  const others = isSplit && !isIncident ? ', others' : where;
  return [
    {
      icon: isIncident ? 'f-alert-triangle' : 'help-circle',
      tone: isIncident ? 'bad' : 'warn',
      words: `${counted(count, 'payment')} not sure yet${others}`,
      sub: `${isIncident ? 'Prompt may have been seen' : 'M-PESA gave no clear answer'}, oldest ${oldestOf(rows, now)}`,
      kes: sumOf(rows, (row) => row.kes),
      href: hrefOf('/console/payments', {
        view: 'unsure',
        ...(where === '' || only === undefined ? {} : { shortcode: only.storeNumber }),
      }),
    },
  ];
}

function reviews(rows: readonly DoubtfulPayments[], now: number, hrefOf: HrefOf): AttentionItem[] {
  if (rows.length === 0) return [];
  const count = sumOf(rows, (row) => row.count);
  const reasons = [...new Set(rows.map(({ reviewReason }) => reviewReason ?? ''))];
  const why = reasons.length === 1 ? (reviewReasons[reasons[0]!] ?? 'An operator decides') : 'For several reasons';
  return [
    {
      icon: 'f-flag',
      tone: 'warn',
      words: `${counted(count, 'payment')} ${count === 1 ? 'needs' : 'need'} review`,
      sub: `${why}, oldest ${oldestOf(rows, now)}`,
      kes: sumOf(rows, (row) => row.kes),
      href: hrefOf('/console/payments', { view: 'review' }),
    },
  ];
}

/** Of the last day, also those that were put right since: somebody may want to repeat the payments. */
function refusedSettings(
  { shortcodes, pushes, lastAccepted, tenants, now }: Snapshot,
  hrefOf: HrefOf,
): AttentionItem[] {
  return shortcodes.flatMap((shortcode): AttentionItem[] => {
    const own = pushes.filter(({ shortcodeId }) => shortcodeId === shortcode.id);
    const refusal = readSettingsRefusals(own, null);
    if (refusal === null) return [];
    const isRepaired = (lastAccepted.get(shortcode.id) ?? 0) > refusal.lastAt;
    const until = `${isRepaired ? 'before' : 'until'} ${clockWords(refusal.lastAt, now)}`;
    const name = shortcodeName(shortcode);
    return [
      {
        icon: 'plug',
        tone: isRepaired ? 'mute' : 'bad',
        words: isRepaired ? 'Settings refused, now repaired' : `Settings of ${name} refused`,
        sub: `${tenants.get(shortcode.tenantId) ?? 'A tenant'}, ${name}: ${counted(refusal.count, 'time')} ${until}`,
        kes: null,
        href: hrefOf('/console/payments', {
          view: 'failed',
          shortcode: shortcode.storeNumber,
          code: refusal.code,
        }),
      },
    ];
  });
}

function disabledEndpoints({ endpoints, tenants }: Snapshot, hrefOf: HrefOf): AttentionItem[] {
  const disabled = endpoints.filter(({ status }) => status === 'disabled');
  const [first] = disabled;
  if (first === undefined) return [];
  const owners = namesOf(
    tenants,
    disabled.map(({ tenantId }) => tenantId),
  );
  const isOne = disabled.length === 1;
  return [
    {
      icon: 'webhook',
      tone: 'warn',
      words: isOne ? '1 webhook endpoint was disabled' : `${disabled.length} webhook endpoints were disabled`,
      sub: `${owners}${isOne ? `, ${first.host}` : ''}: deliveries are held, none is lost`,
      kes: null,
      href: hrefOf('/console/webhooks'),
    },
  ];
}

function deadDeliveries(dead: readonly DeadDeliveries[], { tenants, now }: Snapshot, hrefOf: HrefOf): AttentionItem[] {
  if (dead.length === 0) return [];
  const count = sumOf(dead, (one) => one.count);
  const owners = namesOf(
    tenants,
    dead.map(({ tenantId }) => tenantId),
  );
  return [
    {
      icon: 'webhook',
      tone: 'mute',
      words: `${counted(count, 'delivery was', 'deliveries were')} given up`,
      sub: `${owners}, in the last 7 days, oldest ${oldestOf(dead, now)}`,
      kes: null,
      href: hrefOf('/console/webhooks'),
    },
  ];
}

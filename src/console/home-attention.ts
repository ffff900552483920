// What somebody has to look at, summed up for Home, with the money that hangs on it: payments nobody is sure about,
// approvals that wait, webhooks that were given up, endpoints that were disabled, settings that M-PESA refuses. The most
// urgent first.

import { spanText } from '../platform/render.ts';
import { aboutWords } from './approval-kind.ts';
import { criticalBooks } from './attention-books.ts';
import type { OpenSum } from './attention-store.ts';
import { type Condition, counted, namesOf, type Snapshot, sumOf } from './conditions-words.ts';
import type { Attention } from './list-attention.ts';
import { clockWords } from './payment-words.ts';

/** One line of Home. */
export interface AttentionLine {
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
export function attentionLines(
  attention: Attention,
  snapshot: Snapshot,
  conditions: readonly Condition[],
  hrefOf: HrefOf,
): AttentionLine[] {
  const { payments } = attention;
  const failing = conditions.filter(({ kind }) => kind === 'pushes_failing').flatMap((one) => one.shortcodeIds);
  const unknown = payments.filter(({ status }) => status === 'unknown');
  const here = unknown.filter(({ shortcodeId }) => failing.includes(shortcodeId));
  const elsewhere = unknown.filter(({ shortcodeId }) => !failing.includes(shortcodeId));
  return [
    ...criticalBooks(snapshot.critical, hrefOf),
    ...unsure(here, snapshot, hrefOf, true, elsewhere.length > 0),
    ...reviews(
      payments.filter(({ status }) => status === 'needs_review'),
      snapshot.now,
      hrefOf,
    ),
    ...unsure(elsewhere, snapshot, hrefOf, false, here.length > 0),
    ...refusedSettings(attention, snapshot, hrefOf),
    ...disabledEndpoints(attention, snapshot, hrefOf),
    ...deadDeliveries(attention, snapshot, hrefOf),
    ...approvals(attention, snapshot.now, hrefOf),
  ];
}

const oldestOf = (rows: readonly { oldestCreatedAt: number }[], now: number): string =>
  spanText(now - Math.min(...rows.map(({ oldestCreatedAt }) => oldestCreatedAt)));

function unsure(
  rows: readonly OpenSum[],
  { shortcodes, now }: Snapshot,
  hrefOf: HrefOf,
  isIncident: boolean,
  isSplit: boolean,
): AttentionLine[] {
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

function reviews(rows: readonly OpenSum[], now: number, hrefOf: HrefOf): AttentionLine[] {
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
function refusedSettings({ settings }: Attention, { tenants, now }: Snapshot, hrefOf: HrefOf): AttentionLine[] {
  return settings.map(({ tenantId, name, storeNumber, count, lastAt, code, isRepaired }) => ({
    icon: 'plug',
    tone: isRepaired ? 'mute' : 'bad',
    words: isRepaired ? 'Settings refused, now repaired' : `Settings of ${name} refused`,
    sub: `${tenants.get(tenantId) ?? 'A tenant'}, ${name}: ${counted(count, 'time')} ${isRepaired ? 'before' : 'until'} ${clockWords(lastAt, now)}`,
    kes: null,
    href: hrefOf('/console/payments', { view: 'failed', shortcode: storeNumber, code }),
  }));
}

function disabledEndpoints({ endpoints }: Attention, { tenants }: Snapshot, hrefOf: HrefOf): AttentionLine[] {
  const disabled = endpoints.filter(({ status }) => status === 'disabled');
  const [first] = disabled;
  if (first === undefined) return [];
  const owners = namesOf(
    tenants,
    disabled.map(({ tenantId }) => tenantId),
  );
  const isOne = disabled.length === 1;
  const host = URL.canParse(first.url) ? new URL(first.url).host : 'an unreadable address';
  return [
    {
      icon: 'webhook',
      tone: 'warn',
      words: isOne ? '1 webhook endpoint was disabled' : `${disabled.length} webhook endpoints were disabled`,
      sub: `${owners}${isOne ? `, ${host}` : ''}: deliveries are held, none is lost`,
      kes: null,
      href: hrefOf('/console/attention', { kind: 'delivery' }),
    },
  ];
}

function deadDeliveries({ endpoints }: Attention, { tenants, now }: Snapshot, hrefOf: HrefOf): AttentionLine[] {
  const troubled = endpoints.filter(({ dead }) => dead > 0);
  if (troubled.length === 0) return [];
  const count = sumOf(troubled, ({ dead }) => dead);
  const owners = namesOf(
    tenants,
    troubled.map(({ tenantId }) => tenantId),
  );
  const oldest = Math.min(...troubled.map(({ oldestAt }) => oldestAt ?? now));
  return [
    {
      icon: 'webhook',
      tone: 'mute',
      words: `${counted(count, 'delivery was', 'deliveries were')} given up`,
      sub: `${owners}, in the last 30 days, oldest ${spanText(now - oldest)}`,
      kes: null,
      href: hrefOf('/console/attention', { kind: 'delivery' }),
    },
  ];
}

function approvals({ approvals: waiting }: Attention, now: number, hrefOf: HrefOf): AttentionLine[] {
  const [first] = waiting;
  if (first === undefined) return [];
  const isOne = waiting.length === 1;
  return [
    {
      icon: 'lock',
      tone: 'mute',
      words: `${counted(waiting.length, 'approval')} ${isOne ? 'waits' : 'wait'}`,
      sub: `${isOne ? `${aboutWords(first)}, ` : ''}asked ${spanText(now - first.createdAt)} ago`,
      kes: null,
      href: hrefOf('/console/attention', { kind: 'approval' }),
    },
  ];
}

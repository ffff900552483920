// What a condition is: something that is wrong now, told so that whoever reads it at two in the morning knows since when,
// whose fault it is, who is affected, whether money is at risk and what to do. Conditions are derived from what is in
// the database at this moment; nobody stores or dismisses one.

import type { AuditVerdict } from '../platform/audit-store.ts';
import { numberText } from '../platform/render.ts';
import type { KnownShortcode, TroubledEndpoint, Waiting, WorkerBeat } from './conditions-store.ts';
import { kes, type Part } from './payment-words.ts';
import type { CriticalOpen } from './reconciliation-store.ts';
import type { PushMinute, ShortcodeOutcome } from './stats-store.ts';

export type ConditionKind =
  | 'database_away'
  | 'no_worker'
  | 'pushes_failing'
  | 'settings_refused'
  | 'no_callbacks'
  | 'audit_broken'
  | 'books_differ'
  | 'spool'
  | 'unknown_long'
  | 'worker_lost'
  | 'database_slow'
  | 'redis'
  | 'clock_skew'
  | 'endpoint_failing';

export interface Condition {
  kind: ConditionKind;
  /** Bad: payments do not get through, or what we say may not be true. Warn: something needs somebody. */
  tone: 'bad' | 'warn';
  /** A sentence with cause and scope, without its full stop and without the time. */
  title: string;
  since: number | null;
  /** One line: what it means. */
  meaning: string;
  /** Whose fault it is, with the reason to think so. */
  diagnosis: Part[];
  affected: Part[];
  risk: Part[];
  advice: Part[];
  /** The one place to go, which the reader may open; null where there is none. The page adds the scope. */
  link: { path: string; query: Readonly<Record<string, string>>; words: string } | null;
  /** Shortcodes it is about; empty where it is about none in particular. */
  shortcodeIds: readonly string[];
  /** What hangs on it, for the order of several. */
  kes: number;
  /** Lines for M-PESA's support; null where it is none of their business. */
  tell: readonly string[] | null;
}

/** Everything the conditions are derived from, as it is at one moment; of the tenants that the reader may see. */
export interface Snapshot {
  now: number;
  /** Whether the reader sees all tenants: then also what only those who run the server need to know. */
  isWhole: boolean;
  /** Names of the tenants, by id. */
  tenants: ReadonlyMap<string, string>;
  shortcodes: readonly KnownShortcode[];
  waiting: readonly Waiting[];
  /** Taken pushes of the last 15 minutes, others of the last hour, refusals of the last day. */
  pushes: readonly PushMinute[];
  /** When M-PESA last took a push of those shortcodes that have trouble. */
  lastAccepted: ReadonlyMap<string, number>;
  /** How payments ended in the last 15 minutes. */
  outcomes: readonly ShortcodeOutcome[];
  endpoints: readonly TroubledEndpoint[];
  /** Critical discrepancies that are open. */
  critical: readonly CriticalOpen[];
  server: ServerState;
}

export interface ServerState {
  workers: readonly WorkerBeat[];
  spoolDepth: number;
  redisProblem: string | null;
  databaseMs: number;
  /** How far the database's clock is ahead of ours; null where that cannot be known. */
  skewMs: number | null;
  /** Null: not known yet, or not the reader's business. */
  audit: AuditVerdict | null;
}

export interface Sum {
  count: number;
  kes: number;
}

/** What waits, split by whether the customer may have seen it. */
export interface WaitingSums {
  /** Never sent: no money moved. */
  held: Sum;
  /** Sent, without an answer yet. */
  sent: Sum;
  oldestCreatedAt: number | null;
}

/** @param shortcodeIds null: of all */
export function sumWaiting(waiting: readonly Waiting[], shortcodeIds: readonly string[] | null): WaitingSums {
  const own = waiting.filter(({ shortcodeId }) => shortcodeIds === null || shortcodeIds.includes(shortcodeId));
  const oldest = own.map(({ oldestCreatedAt }) => oldestCreatedAt);
  return {
    held: sum(own.filter(({ status }) => status === 'queued')),
    sent: sum(own.filter(({ status }) => status !== 'queued')),
    oldestCreatedAt: oldest.length === 0 ? null : Math.min(...oldest),
  };
}

function sum(rows: readonly Sum[]): Sum {
  return {
    count: rows.reduce((total, { count }) => total + count, 0),
    kes: rows.reduce((total, row) => total + row.kes, 0),
  };
}

export function sumOf<T>(rows: readonly T[], of: (row: T) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

/** `1 payment`, `38 payments` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)}\u00a0${count === 1 ? one : many}`;
}

/** `38 payments waiting (KES 84,200): 29 held back, 9 sent without an answer.` */
export function waitingLine(sums: WaitingSums): string {
  const { held, sent } = sums;
  if (held.count + sent.count === 0) return 'No payment is waiting.';
  const parts = [
    ...(held.count === 0 ? [] : [`${numberText(held.count)} held back`]),
    ...(sent.count === 0 ? [] : [`${numberText(sent.count)} sent without an answer`]),
  ];
  return `${counted(held.count + sent.count, 'payment')} waiting (${kes(held.kes + sent.kes)}): ${parts.join(', ')}.`;
}

/** `38 payments waiting, KES 84,200` */
export function waitingWords({ held, sent }: WaitingSums): string {
  const all = held.count + sent.count;
  return all === 0 ? 'no payment is waiting yet' : `${counted(all, 'payment')} waiting, ${kes(held.kes + sent.kes)}`;
}

/** `paybill 654321`, `till 123456` */
export function shortcodeName({ kind, number }: Pick<KnownShortcode, 'kind' | 'number'>): string {
  return `${kind} ${number}`;
}

/** `Safiri Coaches`, `Safiri Coaches and Soko Fresh`, `Safiri Coaches and 3 more` */
export function namesOf(tenants: ReadonlyMap<string, string>, tenantIds: readonly string[]): string {
  const [first = 'Nobody', second, ...others] = [...new Set(tenantIds)].map(
    (id) => tenants.get(id) ?? 'another tenant',
  );
  if (second === undefined) return first;
  return others.length === 0 ? `${first} and ${second}` : `${first} and ${others.length + 1} more`;
}

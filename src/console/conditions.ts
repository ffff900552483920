// All conditions that hold now, as a pure function of what was read. The worst comes first: what stops payments before
// what only needs somebody, and among equals the one with more money behind it.

import { bookConditions } from './conditions-books.ts';
import { safaricomConditions } from './conditions-safaricom.ts';
import { serverConditions } from './conditions-server.ts';
import type { Condition, ConditionKind, Snapshot } from './conditions-words.ts';

/** From the worst on. */
const order: readonly ConditionKind[] = [
  'database_away',
  'no_worker',
  'pushes_failing',
  'no_callbacks',
  'settings_refused',
  'audit_broken',
  'books_differ',
  'unknown_long',
  'spool',
  'worker_lost',
  'database_slow',
  'clock_skew',
  'redis',
  'endpoint_failing',
];

export function findConditions(snapshot: Snapshot): Condition[] {
  const rank = ({ kind }: Condition): number => order.indexOf(kind);
  const found = [...safaricomConditions(snapshot), ...bookConditions(snapshot), ...serverConditions(snapshot)];
  return found.sort((a, b) => rank(a) - rank(b) || b.kes - a.kes);
}

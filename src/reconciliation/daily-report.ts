// The daily report of a tenant: what became of the payments that were made on one Nairobi day. A payment counts in the day
// it was made and as it stands when the report is read, so a late success still changes a day that is over. Amounts are
// what customers paid; M-PESA's charges are nobody's payment and are not in it.

import { failureCatalogue } from '../payments/failures.ts';
import { negativeStatuses, type Status, statuses } from '../payments/payment.ts';
import { isoTime } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import { invalid } from '../platform/validation.ts';
import type { Mode } from '../tenants/api-key.ts';
import { countPayments, type PaymentCount } from './daily-report-store.ts';
import { nairobiDay, startOfDay } from './line.ts';
import { endOfDay, isOver } from './nairobi-days.ts';

/** Before it there is no payment and no M-PESA. */
const firstDay = '2000-01-01';

/** @throws AppError `invalid_request` for a day that has not begun */
export async function readDailyReport(
  { db, now }: { db: Db; now(): number },
  { tenantId, mode }: { tenantId: string; mode: Mode },
  date: string,
): Promise<object> {
  const today = nairobiDay(now());
  if (date > today || date < firstDay) {
    const detail = `date is a day from ${firstDay} to today, which in Nairobi is ${today}.`;
    throw invalid([{ parameter: 'date', code: 'out_of_range', detail }]);
  }
  const [from, to] = [startOfDay(date), endOfDay(date)];
  const counts = await countPayments(db, tenantId, mode, { from, to });
  return {
    object: 'daily_report',
    mode,
    date,
    timezone: 'Africa/Nairobi',
    from: isoTime(from),
    to: isoTime(to),
    complete: isOver(date, now()),
    currency: 'KES',
    ...presentCounts(counts),
    shortcodes: byShortcode(counts).map((its) => ({
      id: its[0]!.shortcodeId,
      shortcode: its[0]!.shortcode,
      ...presentCounts(its),
    })),
  };
}

/** Sorted by number; of one number (several tenants share the sandbox's) each id by itself. */
function byShortcode(counts: readonly PaymentCount[]): PaymentCount[][] {
  const groups = new Map<string, PaymentCount[]>();
  for (const one of counts) {
    const key = `${one.shortcode} ${one.shortcodeId}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
}

const sumOf = (counts: readonly PaymentCount[], field: 'count' | 'amountKes' | 'receivedKes'): number =>
  counts.reduce((sum, one) => sum + one[field], 0);

function presentCounts(counts: readonly PaymentCount[]): object {
  const byStatus = (status: Status) => {
    const its = counts.filter((one) => one.status === status);
    return { count: sumOf(its, 'count'), amount: sumOf(its, 'amountKes') };
  };
  return {
    totals: {
      count: sumOf(counts, 'count'),
      amount: sumOf(counts, 'amountKes'),
      amount_received: sumOf(counts, 'receivedKes'),
    },
    by_status: Object.fromEntries(statuses.map((status) => [status, byStatus(status)])),
    failures: failuresOf(counts),
  };
}

/** Most first. What came to nothing without a code of its own never got a clear answer. */
function failuresOf(counts: readonly PaymentCount[]): object[] {
  const found = new Map<keyof typeof failureCatalogue, { count: number; amount: number }>();
  for (const { status, failureCode, count, amountKes } of counts) {
    if (!negativeStatuses.has(status)) continue;
    const code = failureCode ?? 'unknown_result';
    const known = found.get(code) ?? { count: 0, amount: 0 };
    found.set(code, { count: known.count + count, amount: known.amount + amountKes });
  }
  return [...found]
    .sort(([leftCode, left], [rightCode, right]) => right.count - left.count || (leftCode < rightCode ? -1 : 1))
    .map(([code, sums]) => ({ code, category: failureCatalogue[code].category, ...sums }));
}

// The condition that M-PESA's record and ours differ in a way that may be money lost: a critical discrepancy is open. It
// goes when the discrepancy is closed, by an operator or by itself.

import { type Condition, counted, namesOf, type Snapshot, shortcodeName, sumOf } from './conditions-words.ts';
import { kes, type Part, say, strong } from './payment-words.ts';

const causes: Readonly<Record<string, Part[]>> = {
  missing_at_provider: say`Payments are paid here and M-PESA’s record of that time does not have them: a record was changed by hand, or M-PESA’s list has a gap.`,
  amount_mismatch: say`The customer’s doing, or a merchant’s: another amount came than was asked for.`,
  receipt_reused: say`One receipt was given as the proof of two payments.`,
  balance_break: say`A row of the statement is missing, or was changed: the balances do not follow each other.`,
};

export function bookConditions({ critical, shortcodes, tenants }: Snapshot): Condition[] {
  if (critical.length === 0) return [];
  const count = sumOf(critical, (one) => one.count);
  const total = sumOf(critical, (one) => one.cents) / 100;
  const ids = [...new Set(critical.map(({ shortcodeId }) => shortcodeId))].filter((id) => id !== null);
  const known = shortcodes.filter(({ id }) => ids.includes(id));
  const [only] = known;
  const where = ids.length === 1 && only !== undefined ? shortcodeName(only) : counted(ids.length, 'shortcode');
  const types = [...new Set(critical.map(({ type }) => type))];
  const owners = namesOf(
    tenants,
    critical.map(({ tenantId }) => tenantId),
  );
  return [
    {
      kind: 'books_differ',
      tone: 'bad',
      title: `M-PESA’s record and ours differ for ${where}`,
      since: Math.min(...critical.map(({ oldestOpenedAt }) => oldestOpenedAt)),
      meaning: `${counted(count, 'critical discrepancy', 'critical discrepancies')} open, ${kes(total)} at risk.`,
      diagnosis:
        types.length === 1
          ? (causes[types[0]!] ?? say`Somebody has to look.`)
          : say`For several reasons; each discrepancy says its own.`,
      affected: say`${owners}`,
      risk: say`${strong(kes(total))} may not be where our payments say it is.`,
      advice: say`Look at each before goods are given for it. A day with one of these open cannot be closed clean.`,
      link: {
        path: '/console/reconciliation/discrepancies',
        query: { severity: 'critical' },
        words: 'See what differs',
      },
      shortcodeIds: ids,
      kes: total,
      tell: null,
    },
  ];
}

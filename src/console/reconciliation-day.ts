// One day of one shortcode as its page shows it: a sentence first, what M-PESA moved beside what the payments say, which
// sources have told it, and what can be done now. The figures are those its close has, or would have.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import { numberText } from '../platform/render.ts';
import type { CloseDraft } from '../reconciliation/close.ts';
import { nairobiDay } from '../reconciliation/line.ts';
import { centsText, closeDayText, closesPath, newCloseHref } from './close-view.ts';
import { counted } from './conditions-words.ts';
import { dayUrl } from './reconciliation-grid.ts';
import { sourceWords } from './reconciliation-words.ts';
import type { Scope } from './scope.ts';
import { shortcodeName } from './shortcode-view.ts';
import type { Word } from './status-words.ts';

export interface DayAround {
  shortcode: Shortcode;
  day: string;
  draft: CloseDraft;
  closeId: string | null;
  withoutLine: { count: number; kes: number };
  scope: Scope;
  now: number;
  mayAct: boolean;
  mayClose: boolean;
}

interface Sum {
  name: string;
  value: string;
  isTotal: boolean;
}

export function viewDay(around: DayAround) {
  const { shortcode, day, draft, closeId, scope, now, mayAct, mayClose } = around;
  const { movements, payments, matching, variance } = draft;
  const isToday = day === nairobiDay(now);
  const self = `/console/reconciliation/days/${shortcode.id}/${day}`;
  return {
    name: shortcodeName(shortcode),
    dayWords: closeDayText(day),
    verdict: verdictOf(around, isToday),
    facts: [
      { name: 'Money in by M-PESA', value: `KES\u00a0${centsText(movements.payment.cents)}`, sub: counted(movements.payment.count, 'receipt') },
      { name: 'Paid here', value: `KES\u00a0${numberText(payments.succeeded.kes)}`, sub: counted(payments.succeeded.count, 'payment') },
      { name: 'Variance', value: `KES\u00a0${centsText(variance.totalCents)}`, sub: variance.totalCents === 0 ? 'it adds up' : 'see below' },
      {
        name: 'With their payment',
        value: matching.rateBasisPoints === null ? '–' : `${(matching.rateBasisPoints / 100).toFixed(1)}\u00a0%`,
        sub: `${numberText(matching.matched)} of ${counted(matching.receipts, 'receipt')}`,
      },
    ],
    sums: sumsOf(draft),
    matched: matchedOf(around),
    sources: sourcesOf(draft),
    runAction: mayAct ? `${self}/run${scope.query}` : null,
    closeHref: closeId === null ? (mayClose && !isToday ? newCloseHref(shortcode.id, day, scope.query) : null) : `${closesPath}/${closeId}${scope.query}`,
    isClosed: closeId !== null,
    importHref: mayAct ? `/console/reconciliation/imports${scope.query}` : null,
    linesHref: `/console/reconciliation/lines${scope.query}&shortcode=${shortcode.id}&from=${day}&to=${day}`,
    allHref: `/console/reconciliation/discrepancies${scope.query}&shortcode=${shortcode.id}`,
    selfHref: dayUrl(shortcode.id, day, scope),
  };
}

/** The sentence of the day. */
function verdictOf({ draft, closeId }: DayAround, isToday: boolean): Word & { words: string } {
  const { criticalOpen, discrepancies, sources, variance } = draft;
  const open = Object.values(discrepancies).filter(({ severity }) => severity !== 'info');
  const count = open.reduce((sum, one) => sum + one.count, 0);
  const cents = open.reduce((sum, one) => sum + one.atRiskCents, 0);
  const isTold = Object.values(sources).some(({ coversDay }) => coversDay);
  if (criticalOpen > 0)
    return {
      word: 'Critical',
      icon: 'f-alert-triangle',
      tone: 'bad',
      words: `${counted(count, 'difference')} open, KES\u00a0${centsText(cents)} at risk; ${numberText(criticalOpen)} critical.`,
    };
  if (count > 0)
    return {
      word: 'Somebody must look',
      icon: 'f-flag',
      tone: 'warn',
      words: `${counted(count, 'difference')} open, KES\u00a0${centsText(cents)} at risk.`,
    };
  if (closeId !== null)
    return { word: 'Closed', icon: 'check', tone: 'ok', words: 'This day is closed and never changes. What is heard of it later stands in the next close.' };
  if (isToday) return { word: 'Open day', icon: 'clock', tone: 'wait', words: 'This day is not over yet in Nairobi.' };
  if (!isTold)
    return {
      word: 'Expected',
      icon: 'upload',
      tone: 'wait',
      words: 'No source has told all of this day yet. What is missing is only expected, and counts as no difference.',
    };
  return variance.totalCents === 0
    ? { word: 'Ready to close', icon: 'circle-dashed', tone: 'ok', words: 'Every shilling has its payment, and every payment its shilling.' }
    : { word: 'Does not add up', icon: 'f-flag', tone: 'warn', words: `KES\u00a0${centsText(variance.totalCents)} are not accounted for.` };
}

const sum = (name: string, cents: number, isTotal = false): Sum => ({ name, value: centsText(cents), isTotal });

function sumsOf({ movements, balance, variance }: CloseDraft): Sum[] {
  const moved = [
    sum(`Received, ${counted(movements.payment.count, 'receipt')}`, movements.payment.cents),
    sum(`Reversed, ${counted(movements.reversal.count, 'line')}`, movements.reversal.cents),
    sum(`Charges, ${counted(movements.charge.count, 'line')}`, movements.charge.cents),
    sum(`Withdrawn, ${counted(movements.withdrawal.count, 'line')}`, movements.withdrawal.cents),
    sum('Moved between own accounts, and other', movements.float.cents + movements.other.cents),
  ];
  if (balance === null) return moved;
  return [
    sum('Opening balance', balance.opening.cents),
    ...moved,
    sum('Closing, worked out', balance.opening.cents + balance.movementsCents, true),
    sum('Closing, by M-PESA', balance.closing.cents),
    sum('Difference', variance.balanceCents ?? 0, true),
  ];
}

/** What became of the receipts, and what has none. */
function matchedOf({ draft, withoutLine }: DayAround): Sum[] {
  const { byStatus } = draft.matching;
  const of = (status: keyof typeof byStatus): number => byStatus[status] ?? 0;
  const rows: [string, number][] = [
    ['Matched', of('matched')],
    ['Suggested, to confirm', of('suggested') + of('ambiguous')],
    ['Another amount', of('mismatch')],
    ['Without a payment', of('orphan')],
    ['Not looked at yet', of('new')],
    ['Written off', of('settled')],
  ];
  return [
    ...rows.filter(([name, count]) => count > 0 || name === 'Matched').map(([name, count]) => ({ name, value: numberText(count), isTotal: false })),
    {
      name: `Paid here, no line known${withoutLine.count === 0 ? '' : ` (KES\u00a0${numberText(withoutLine.kes)})`}`,
      value: numberText(withoutLine.count),
      isTotal: true,
    },
  ];
}

function sourcesOf({ sources }: CloseDraft) {
  return (['c2b', 'pull', 'statement'] as const).map((source) => {
    const { lines, coversDay } = sources[source];
    const state = coversDay
      ? { icon: 'f-circle-check', tone: 'ok', word: 'All of the day' }
      : lines > 0
        ? { icon: 'circle-dashed', tone: 'wait', word: 'Some of it' }
        : { icon: 'minus', tone: 'mute', word: 'Nothing' };
    return { name: sourceWords[source], lines, status: state };
  });
}

// One day of one shortcode as its page shows it: a sentence first, what M-PESA moved beside what the payments say, which
// sources have told it, and what can be done now. What its close would say, to the cent and with balances, is the close's.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import type { LineKind } from '../mpesa/source-line.ts';
import { numberText } from '../platform/render.ts';
import type { OpenCount } from '../reconciliation/discrepancy-store.ts';
import { type LineStatus, nairobiDay, sources } from '../reconciliation/line.ts';
import { centsText, closeDayText, closesPath, newCloseHref } from './close-view.ts';
import { counted } from './conditions-words.ts';
import type { DayFigures } from './reconciliation-day-store.ts';
import { sourceWords } from './reconciliation-words.ts';
import type { Scope } from './scope.ts';
import { shortcodeName } from './shortcode-view.ts';
import type { Word } from './status-words.ts';

export interface DayAround {
  shortcode: Shortcode;
  day: string;
  figures: DayFigures;
  open: readonly OpenCount[];
  closeId: string | null;
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

/** Receipts for which no payment is expected. */
const needsNone: ReadonlySet<string> = new Set<LineStatus>(['reversal', 'classified']);

export function viewDay(around: DayAround) {
  const { shortcode, day, figures, closeId, scope, now, mayAct, mayClose } = around;
  const { moved, paid } = figures;
  const isToday = day === nairobiDay(now);
  const self = `/console/reconciliation/days/${shortcode.id}/${day}`;
  const more = `&shortcode=${shortcode.id}`;
  const { count, cents } = atRisk(around.open);
  const moneyIn = moved.payment ?? { count: 0, cents: 0 };
  return {
    name: shortcodeName(shortcode),
    dayWords: closeDayText(day),
    verdict: verdictOf(around, isToday),
    facts: [
      {
        name: 'Money in by M-PESA',
        value: `KES\u00a0${centsText(moneyIn.cents)}`,
        sub: counted(moneyIn.count, 'receipt'),
      },
      { name: 'Paid here', value: `KES\u00a0${numberText(paid.kes)}`, sub: counted(paid.count, 'payment') },
      { name: 'At risk', value: `KES\u00a0${centsText(cents)}`, sub: counted(count, 'difference') },
      matchedFact(figures),
    ],
    sums: movedSums(figures),
    matched: matchedSums(figures),
    sources: sourcesOf(figures),
    runAction: mayAct ? `${self}/run${scope.query}` : null,
    closeHref: closeHrefOf(around, mayClose && !isToday),
    isClosed: closeId !== null,
    importHref: mayAct ? `/console/reconciliation/imports${scope.query}${more}` : null,
    linesHref: `/console/reconciliation/lines${scope.query}${more}&from=${day}&to=${day}`,
    allHref: `/console/reconciliation/discrepancies${scope.query}${more}&day=${day}`,
  };
}

function closeHrefOf({ closeId, shortcode, day, scope }: DayAround, mayClose: boolean): string | null {
  if (closeId !== null) return `${closesPath}/${closeId}${scope.query}`;
  return mayClose ? newCloseHref(shortcode.id, day, scope.query) : null;
}

function atRisk(open: readonly OpenCount[]): { count: number; cents: number } {
  const own = open.filter(({ severity }) => severity !== 'info');
  return {
    count: own.reduce((sum, one) => sum + one.count, 0),
    cents: own.reduce((sum, one) => sum + one.atRiskCents, 0),
  };
}

/** The sentence of the day. */
function verdictOf({ figures, open, closeId }: DayAround, isToday: boolean): Word & { words: string } {
  const { count, cents } = atRisk(open);
  const critical = open.find(({ severity }) => severity === 'critical')?.count ?? 0;
  const words = `${counted(count, 'difference')} open, KES\u00a0${centsText(cents)} at risk`;
  if (critical > 0)
    return {
      word: 'Critical',
      icon: 'f-alert-triangle',
      tone: 'bad',
      words: `${words}; ${numberText(critical)} critical.`,
    };
  if (count > 0) return { word: 'Somebody must look', icon: 'f-flag', tone: 'warn', words: `${words}.` };
  const waiting = figures.receipts.suggested ?? 0;
  if (waiting > 0)
    return {
      word: 'Somebody must look',
      icon: 'f-flag',
      tone: 'warn',
      words: `${counted(waiting, 'match', 'matches')} to confirm.`,
    };
  if (closeId !== null)
    return {
      word: 'Closed',
      icon: 'check',
      tone: 'ok',
      words: 'It never changes. What is heard of this day later stands in the next close.',
    };
  if (isToday) return { word: 'Open day', icon: 'clock', tone: 'wait', words: 'This day is not over yet in Nairobi.' };
  if (!sources.some((source) => figures.told[source].coversDay))
    return {
      word: 'Expected',
      icon: 'upload',
      tone: 'wait',
      words: 'No source has told all of this day yet. What is missing is only expected, and counts as no difference.',
    };
  return { word: 'Ready to close', icon: 'circle-dashed', tone: 'ok', words: 'No difference is open.' };
}

function matchedFact({ receipts }: DayFigures) {
  const expected = Object.entries(receipts).filter(([status]) => !needsNone.has(status));
  const all = expected.reduce((sum, [, count]) => sum + count, 0);
  const matched = (receipts.matched ?? 0) + (receipts.mismatch ?? 0);
  return {
    name: 'With their payment',
    // Rounded down: what is not all is never shown as all.
    value: all === 0 ? '–' : `${(Math.floor((matched * 1000) / all) / 10).toFixed(1)}\u00a0%`,
    sub: `${numberText(matched)} of ${counted(all, 'receipt')}`,
  };
}

const kindRows: readonly [kind: LineKind, word: string, unit: string][] = [
  ['payment', 'Received', 'receipt'],
  ['reversal', 'Reversed', 'receipt'],
  ['charge', 'Charges', 'line'],
  ['withdrawal', 'Withdrawn', 'line'],
  ['float', 'Moved between own accounts', 'line'],
  ['other', 'Other', 'line'],
];

function movedSums({ moved }: DayFigures): Sum[] {
  return kindRows.flatMap(([kind, word, unit]) => {
    const { count, cents } = moved[kind] ?? { count: 0, cents: 0 };
    const isShown = count > 0 || kind === 'payment' || kind === 'reversal';
    return isShown ? [{ name: `${word}, ${counted(count, unit)}`, value: centsText(cents), isTotal: false }] : [];
  });
}

/** What became of the receipts, and what has none. */
function matchedSums({ receipts, withoutLine }: DayFigures): Sum[] {
  const of = (...statuses: LineStatus[]): number => statuses.reduce((sum, status) => sum + (receipts[status] ?? 0), 0);
  const rows: [string, number][] = [
    ['Matched', of('matched')],
    ['To confirm or to choose', of('suggested', 'ambiguous')],
    ['Another amount', of('mismatch')],
    ['Without a payment', of('orphan')],
    ['Not looked at yet', of('new')],
    ['Taken back', of('reversal')],
    ['Written off', of('settled')],
  ];
  const { count, kes } = withoutLine;
  return [
    ...rows
      .filter(([name, number]) => number > 0 || name === 'Matched')
      .map(([name, number]) => ({ name, value: numberText(number), isTotal: false })),
    {
      name: `Paid here, no line known${count === 0 ? '' : ` (KES\u00a0${numberText(kes)})`}`,
      value: numberText(count),
      isTotal: true,
    },
  ];
}

function sourcesOf({ told }: DayFigures) {
  return sources.map((source) => {
    const { lines, coversDay } = told[source];
    const state = coversDay
      ? { icon: 'f-circle-check', tone: 'ok', word: 'All of the day' }
      : lines > 0
        ? { icon: 'circle-dashed', tone: 'wait', word: 'Some of it' }
        : { icon: 'minus', tone: 'mute', word: 'Nothing' };
    return { name: sourceWords[source], lines: counted(lines, 'line'), status: state };
  });
}

// What is to be done about reconciliation now, as short lines with a link each; the worst first. What has nothing behind
// it is not said.

import type { OpenCount } from '../reconciliation/discrepancy-store.ts';
import { counted } from './conditions-words.ts';
import type { ToDo } from './reconciliation-store.ts';
import { severityWords } from './reconciliation-words.ts';
import type { Scope } from './scope.ts';

export interface ToDoItem {
  icon: string;
  /** The class behind `i-`. */
  tone: 'bad' | 'warn' | 'mute' | 'wait';
  words: string;
  sub: string;
  kes: number | null;
  href: string;
}

const base = '/console/reconciliation';

export function viewToDo(todo: ToDo, open: readonly OpenCount[], { query }: Scope): ToDoItem[] {
  return [...differences(open, query), ...waiting(todo, query), ...feeds(todo, query)];
}

const subs = {
  critical: 'Money here that M-PESA does not have, or the other way round. A day with one of these is not clean.',
  high: 'Money without a payment, paid twice, or taken back.',
  medium: 'Somebody has to choose, or to find the proof.',
} as const;

function differences(open: readonly OpenCount[], query: string): ToDoItem[] {
  return open.flatMap(({ severity, count, atRiskCents }): ToDoItem[] => {
    if (count === 0 || severity === 'info') return [];
    const { icon, word, tone } = severityWords[severity];
    return [
      {
        icon,
        tone: tone === 'bad' ? 'bad' : tone === 'warn' ? 'warn' : 'mute',
        words: counted(count, `${word.toLowerCase()} discrepancy`, `${word.toLowerCase()} discrepancies`),
        sub: subs[severity],
        kes: atRiskCents / 100,
        href: `${base}/discrepancies${query}&severity=${severity}`,
      },
    ];
  });
}

function waiting({ toConfirm, previews, importing }: ToDo, query: string): ToDoItem[] {
  const quiet = { icon: 'upload', tone: 'wait', kes: null, href: `${base}/imports${query}` } as const;
  return [
    ...(toConfirm === 0
      ? []
      : [
          {
            icon: 'help-circle',
            tone: 'warn',
            words: `${counted(toConfirm, 'line')} to confirm`,
            sub: 'A payment fits, but the line does not show enough to be sure.',
            kes: null,
            href: `${base}/suggested${query}`,
          } as const,
        ]),
    ...(previews === 0
      ? []
      : [{ ...quiet, words: `${counted(previews, 'statement')} not imported yet`, sub: 'Looked at, not taken over.' }]),
    ...(importing === 0
      ? []
      : [{ ...quiet, words: `${counted(importing, 'statement')} coming in`, sub: 'Its lines are being stored.' }]),
  ];
}

function feeds({ pullProblems, unregistered }: ToDo, query: string): ToDoItem[] {
  const href = (shortcodeId: string): string => `/console/shortcodes/${shortcodeId}/sources${query}`;
  const first = unregistered[0];
  const numbers = [...new Set(unregistered.map(({ shortcode }) => shortcode))].join(', ');
  return [
    ...pullProblems.map(
      ({ shortcodeId, shortcode, problem }): ToDoItem => ({
        icon: 'plug',
        tone: 'warn',
        words: `Pulling for ${shortcode} does not work`,
        sub: problem,
        kes: null,
        href: href(shortcodeId),
      }),
    ),
    ...(first === undefined
      ? []
      : [
          {
            icon: 'plug',
            tone: 'mute',
            words: `No confirmations for ${unregistered.length === 1 ? first.shortcode : counted(unregistered.length, 'shortcode')}`,
            sub: `M-PESA tells of money that nobody asked for only when C2B is registered: ${numbers}.`,
            kes: null,
            href: unregistered.length === 1 ? href(first.shortcodeId) : `/console/shortcodes${query}`,
          } as const,
        ]),
  ];
}

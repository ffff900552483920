// The grid of days and shortcodes: what each cell says, in a word, an icon and a figure. The worst that is known of a day
// is what it says; nothing is said of a day that no source has told yet.

import type { Shortcode } from '../mpesa/shortcode-store.ts';
import { covers } from '../reconciliation/coverage.ts';
import { nairobiDay, startOfDay } from '../reconciliation/line.ts';
import { endOfDay } from '../reconciliation/nairobi-days.ts';
import type { DayFacts, Grid } from './reconciliation-store.ts';
import { nairobiDayText, shortCents } from './reconciliation-words.ts';
import type { Scope } from './scope.ts';
import { shortcodeName } from './shortcode-view.ts';

export interface Cell {
  word: string;
  icon: string;
  /** The class behind `day-`. */
  tone: 'ok' | 'bad' | 'warn' | 'wait' | 'none';
  /** KES at risk where something is wrong, else what was paid; null where there is nothing. */
  figure: string | null;
  href: string;
  /** Read by who cannot see the table around it. */
  shortcode: string;
}

const dayMs = 24 * 3_600_000;

/** Nairobi's days up to today, the earliest first. */
export function lastDays(now: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => nairobiDay(now - (count - 1 - index) * dayMs));
}

export const dayUrl = (shortcodeId: string, day: string, { query }: Scope): string =>
  `/console/reconciliation/days/${shortcodeId}/${day}${query}`;

/** The newest day first. */
export function viewGrid(
  grid: Grid,
  shortcodes: readonly Shortcode[],
  days: readonly string[],
  scope: Scope,
  now: number,
) {
  const names = new Map(scope.tenants.map(({ id, name }) => [id, name]));
  return {
    isOne: shortcodes.length === 1,
    columns: shortcodes.map((shortcode) => ({
      name: shortcodeName(shortcode),
      tenant: scope.tenantId === null ? (names.get(shortcode.tenantId) ?? '') : null,
    })),
    rows: days.toReversed().map((day) => ({
      name: nairobiDayText(day),
      cells: shortcodes.map((shortcode): Cell => {
        const said = cellOf(grid.dayOf(shortcode.id, day), isTold(grid, shortcode.id, day), day === nairobiDay(now));
        return { ...said, href: dayUrl(shortcode.id, day, scope), shortcode: shortcodeName(shortcode) };
      }),
    })),
  };
}

function isTold({ told }: Grid, shortcodeId: string, day: string): boolean {
  return covers(told.get(shortcodeId) ?? [], startOfDay(day), endOfDay(day) - 1);
}

/** @param isTold a source has told all of the day @param isToday it is not over yet */
export function cellOf(facts: DayFacts, isTold: boolean, isToday: boolean): Omit<Cell, 'href' | 'shortcode'> {
  const { close, open, toConfirm, hasLines, paidKes } = facts;
  const { critical, high, medium } = open;
  if (critical !== undefined)
    return {
      word: `${critical.count} critical`,
      icon: 'f-alert-triangle',
      tone: 'bad',
      figure: shortCents(critical.cents),
    };
  const others = [high, medium].filter((one) => one !== undefined);
  if (others.length > 0 || toConfirm > 0) {
    const count = others.reduce((sum, one) => sum + one.count, 0);
    const cents = others.reduce((sum, one) => sum + one.cents, 0);
    const word = count > 0 ? `${count} to look at` : `${toConfirm} suggested`;
    return { word, icon: 'f-flag', tone: 'warn', figure: cents > 0 ? shortCents(cents) : null };
  }
  const paid = paidKes > 0 ? shortCents(paidKes * 100) : null;
  if (close !== null)
    return { word: close.isClean ? 'Closed' : 'Closed, variance', icon: 'check', tone: 'ok', figure: paid };
  if (isToday) return { word: 'Open day', icon: 'clock', tone: 'wait', figure: paid };
  if (isTold) return { word: 'Ready to close', icon: 'circle-dashed', tone: 'wait', figure: paid };
  if (hasLines || paidKes > 0) return { word: 'Expected', icon: 'upload', tone: 'wait', figure: paid };
  return { word: 'Nothing', icon: 'minus', tone: 'none', figure: null };
}

// Closes as their pages show them: money with its cents where there are any, a verdict in a word, a day with its weekday.

import type { Approval } from '../platform/approval-store.ts';
import { dayText } from '../platform/render.ts';
import type { DailyClose } from '../reconciliation/close.ts';
import { startOfDay } from '../reconciliation/line.ts';
import { type CloseRow, type CloseSection, closeSections } from './close-table.ts';
import type { Word } from './status-words.ts';

/** `1,234,500`, `−12.50`: shillings, with cents only where there are any. */
export function centsText(cents: number): string {
  const options = cents % 100 === 0 ? {} : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return `${cents < 0 ? '−' : ''}${(Math.abs(cents) / 100).toLocaleString('en-KE', options)}`;
}

/** `Mon 5 Oct 2026` */
export const closeDayText = (day: string): string => dayText(startOfDay(day), true);

export const verdictWord = (isClean: boolean): Word =>
  isClean
    ? { word: 'Clean', icon: 'f-circle-check', tone: 'ok' }
    : { word: 'Does not add up', icon: 'f-flag', tone: 'warn' };

export interface ShownRow extends Omit<CloseRow, 'count' | 'cents'> {
  count: string;
  kes: string;
}

export interface ShownSection extends Omit<CloseSection, 'rows'> {
  rows: ShownRow[];
  /** Without a sum there is no column for sums. */
  hasKes: boolean;
}

const showRow = ({ item, count, cents, note, isTotal }: CloseRow): ShownRow => ({
  item,
  count: count === null ? '' : count.toLocaleString('en-KE'),
  kes: cents === null ? '' : centsText(cents),
  note,
  isTotal,
});

export function showSections(draft: Parameters<typeof closeSections>[0]): ShownSection[] {
  return closeSections(draft).map((section) => {
    const hasKes = section.rows.some(({ cents }) => cents !== null);
    return { ...section, rows: section.rows.map(showRow), hasKes };
  });
}

export const showRows = (rows: readonly CloseRow[]): ShownRow[] => rows.map(showRow);

export interface ListedClose {
  day: string;
  shortcode: string;
  tenantName: string;
  verdict: Word;
  variance: string;
  closedName: string;
  closedAt: number;
  href: string;
}

export function showListed(
  close: Omit<DailyClose, 'body'>,
  { shortcode, tenantName, query }: { shortcode: string; tenantName: string; query: string },
): ListedClose {
  const { id, day, isClean, varianceCents, closedName, closedAt } = close;
  return {
    day: closeDayText(day),
    shortcode,
    tenantName,
    verdict: verdictWord(isClean),
    variance: centsText(varianceCents),
    closedName,
    closedAt,
    href: `${closesPath}/${id}${query}`,
  };
}

export const closesPath = '/console/reconciliation/closes';

/** Where a day is looked at before it is closed. @param query the scope's, `?mode=live` */
export const newCloseHref = (shortcodeId: string, day: string, query: string): string =>
  `${closesPath}/new${query}&shortcode=${shortcodeId}&day=${day}`;

export interface ShownRequest {
  id: string;
  requestedName: string;
  reason: string;
  createdAt: number;
  expiresAt: number;
  isOwn: boolean;
  mayApprove: boolean;
  rejectWord: string;
}

/** What waits for a second person, as who looks at it may act on it. */
export function showRequest(approval: Approval, operatorId: string, needsTwoPersons: boolean): ShownRequest {
  const { id, requestedName, reason, createdAt, expiresAt } = approval;
  const isOwn = approval.requestedBy === operatorId;
  return {
    id,
    requestedName,
    reason,
    createdAt,
    expiresAt,
    isOwn: isOwn && needsTwoPersons,
    mayApprove: !isOwn || !needsTwoPersons,
    rejectWord: isOwn ? 'Withdraw' : 'Turn down',
  };
}

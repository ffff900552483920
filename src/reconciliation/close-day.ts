// Closing a day: looked at first, closed then. A day is closed once it is over, after the days before it, and in the state
// that was looked at. Where it does not add up, or something critical is open, a second person must agree; who asks and
// who approves is the caller's, as is the line in the audit log. A day that is closed never changes: what is heard of it
// later stands in the next close as prior-period.

import { findShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { invalid } from '../platform/validation.ts';
import { type Canonical, canonicalJson } from './canonical-json.ts';
import { type CloseBody, type CloseDraft, type DailyClose, hashOf } from './close.ts';
import { findFirstLineDay, giveBackLines, takeLines } from './close-line-store.ts';
import { findEndsOfBooks, insertClose } from './close-store.ts';
import { draftClose } from './draft-close.ts';
import { dayAfter, isDay, isOver } from './nairobi-days.ts';

export interface CloseDeps {
  db: Db;
  now(): number;
}

export interface ClosePreview {
  shortcode: Shortcode;
  draft: CloseDraft;
  /** The state that was looked at: a close, or an approval, is done against it or not at all. */
  stateKey: string;
  /** Why the day cannot be closed now; null: it can. */
  obstacle: string | null;
}

/** What closing this day would write. @throws AppError `not_found`, or `invalid_request` for what is no day */
export async function previewClose({ db, now }: CloseDeps, shortcodeId: string, day: string): Promise<ClosePreview> {
  const shortcode = await findShortcodeAcrossTenants(db, shortcodeId);
  if (shortcode === undefined) throw new AppError('not_found', 'There is no such shortcode. Check its id.');
  if (!isDay(day)) throw refused('Write the day as YYYY-MM-DD.');
  const { last, obstacle } = await findObstacle(db, shortcode, day, now());
  const { draft, unmatched } = await draftClose(db, shortcode, day, last, null);
  return { shortcode, draft, stateKey: hashOf(draft), obstacle: obstacle ?? waitsForMatching(unmatched) };
}

export interface CloseRequest {
  shortcodeId: string;
  day: string;
  /** {@link ClosePreview.stateKey} of what was looked at. */
  stateKey: string;
  closedBy: { id: string; name: string };
  /** The second person, where one was needed. */
  approvedBy: string | null;
  reason: string | null;
}

/** Thrown inside, so that all that was written is undone. */
class StateChanged extends Error {}

/**
 * Closes the day in the caller's transaction, or in one of its own. Whether a second person was needed is the caller's to
 * see to.
 * @returns undefined, with nothing done, when the state is not the one that was looked at
 * @throws AppError `invalid_request` with the reason why the day cannot be closed
 */
export async function closeDay({ db, now }: CloseDeps, request: CloseRequest): Promise<DailyClose | undefined> {
  try {
    return await inTransaction(db, (trx) => closeInside(trx, now(), request));
  } catch (thrown) {
    if (thrown instanceof StateChanged) return undefined;
    throw thrown;
  }
}

async function closeInside(trx: Db, closedAt: number, request: CloseRequest): Promise<DailyClose> {
  const { shortcodeId, day, stateKey, closedBy, approvedBy, reason } = request;
  const shortcode = await findShortcodeAcrossTenants(trx, shortcodeId);
  if (shortcode === undefined) throw new AppError('not_found', 'There is no such shortcode. Check its id.');
  const { last, obstacle } = await findObstacle(trx, shortcode, day, closedAt);
  if (obstacle !== null) throw refused(obstacle);
  const id = newId('cls');
  await takeLines(trx, { shortcodeId, day, closedTo: last?.day ?? null, closeId: id });
  const { draft, deferred, unmatched } = await draftClose(trx, shortcode, day, last, id);
  if (hashOf(draft) !== stateKey) throw new StateChanged();
  const waits = waitsForMatching(unmatched);
  if (waits !== null) throw refused(waits);
  await giveBackLines(trx, deferred);
  const body: CloseBody = { ...draft, closedAt, closedBy: closedBy.id, approvedBy, reason };
  const close: DailyClose = {
    id,
    tenantId: shortcode.tenantId,
    mode: shortcode.mode,
    shortcodeId,
    day,
    isClean: draft.isClean,
    varianceCents: draft.variance.totalCents,
    body: canonicalJson(body as unknown as Canonical),
    previousHash: draft.previousHash,
    hash: hashOf(body),
    closedBy: closedBy.id,
    closedName: closedBy.name,
    closedAt,
  };
  if (!(await insertClose(trx, close))) throw refused(closedAlready(day));
  return close;
}

/** The day that comes next in the books of a shortcode; null while there is nothing to begin with. */
export async function findNextDay(db: Db, shortcodeId: string): Promise<string | null> {
  const { last } = await findEndsOfBooks(db, shortcodeId);
  return last === null ? findFirstLineDay(db, shortcodeId) : dayAfter(last.day);
}

async function findObstacle(
  db: Db,
  shortcode: Shortcode,
  day: string,
  now: number,
): Promise<{ last: DailyClose | null; obstacle: string | null }> {
  const { last, firstDay } = await findEndsOfBooks(db, shortcode.id);
  const obstacle = isOver(day, now)
    ? await orderProblem(db, shortcode.id, day, last, firstDay)
    : `${day} is not over yet in Nairobi.`;
  return { last, obstacle };
}

const closedAlready = (day: string): string => `${day} is closed already. A closed day never changes.`;

/** Books go from day to day without a gap, from the first day that has a line or a close. */
async function orderProblem(
  db: Db,
  shortcodeId: string,
  day: string,
  last: DailyClose | null,
  firstClosed: string | null,
): Promise<string | null> {
  if (last === null) {
    const firstLine = await findFirstLineDay(db, shortcodeId);
    if (firstLine === null || day <= firstLine) return null;
    return `Close ${firstLine} first: it is the first day with lines, and none is closed yet.`;
  }
  if (day > last.day) {
    const next = dayAfter(last.day);
    return day === next ? null : `Close ${next} first: days are closed in order, and ${last.day} was the last.`;
  }
  if (firstClosed !== null && day < firstClosed)
    return `The books of this shortcode begin on ${firstClosed}. What is heard of earlier days stands in the next close.`;
  return closedAlready(day);
}

function waitsForMatching(unmatched: number): string | null {
  if (unmatched === 0) return null;
  const lines = unmatched === 1 ? '1 line waits' : `${unmatched} lines wait`;
  return `${lines} to be matched. That takes a moment while a worker runs; or run \`lango reconcile run\`.`;
}

function refused(detail: string) {
  return invalid([{ parameter: 'day', code: 'wrong_format', detail }]);
}

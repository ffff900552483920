// Imports a statement that was previewed. The decision is one row: from then on the import is done, whoever dies on the
// way, because the file it is done from is kept, and a line that is there already is not added again. Lines come in
// some hundreds at a time, so that on SQLite, which has one writer, payments go on between them; matching looks at none
// of them before all are in (docs/decisions/012). Last come the stretches of time the statement covers, what is wrong with
// its balances, and the reconciliation of its days.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { findShortcodeAcrossTenants } from '../mpesa/shortcode-store.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import type { Sealer } from '../platform/sealing.ts';
import { addCoverage } from './coverage-store.ts';
import { nairobiDay } from './line.ts';
import { addLines } from './line-store.ts';
import { dayAfter } from './nairobi-days.ts';
import { type Encoding, readRows } from './read-file.ts';
import { readLines } from './read-lines.ts';
import type { Statement } from './statement.ts';
import { noteBalanceBreaks } from './statement-balance.ts';
import { readPieces, removePieces } from './statement-file-store.ts';
import { countLinesOf, releaseLines } from './statement-line-store.ts';
import {
  findStatementAcrossTenants,
  type ImportChange,
  leaveStatement,
  lockStatement,
  noteImport,
  takeStatement,
} from './statement-store.ts';

export interface ImportDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** Matches a day and looks for what is missing in it. */
  reconcileDay(day: { shortcodeId: string; day: string }): Promise<unknown>;
}

/** The right to import a statement, for a while. */
export interface ImportClaim {
  statementId: string;
  token: string;
}

export interface ImportOptions {
  /** Stops between two steps; somebody else goes on. */
  signal?: AbortSignal;
  /** After each step, when what it did is there for everybody; the next one waits for it. */
  onProgress?(rowsDone: number): Promise<void> | void;
}

export const leaseMs = 30_000;
const linesAtOnce = 200;
const releasedAtOnce = 500;
/** A statement of the portal has a month; days beyond this are left to the nights and to whoever asks for them. */
const mostDays = 100;

/**
 * Decides that a statement is imported, or takes over an import whose worker is gone. Call in a transaction, in which the
 * decision is written down too.
 * @throws AppError where there is nothing to import
 */
export async function claimImport(trx: Db, statementId: string, now: number): Promise<ImportClaim> {
  const statement = await lockStatement(trx, statementId);
  if (statement === undefined) throw new AppError('not_found', 'There is no such statement.');
  const { status, leaseUntil } = statement;
  if (status === 'discarded') throw refused('It was discarded. Upload the file again.');
  if (leaseUntil !== null && leaseUntil > now)
    throw refused('It is being imported. If that was broken off, it goes on by itself within a minute.');
  if (status === 'imported' && leaseUntil === null) throw refused('It was imported already.');
  const token = randomBytes(12).toString('hex');
  const next = status === 'previewed' ? 'importing' : status;
  await takeStatement(trx, statementId, next, { token, until: now + leaseMs });
  return { statementId, token };
}

function refused(detail: string): AppError {
  return new AppError('invalid_request', detail);
}

/** Somebody else has taken over: this one was away for too long. */
class LostImport extends Error {}

/** Does what was claimed, to its end. @throws when it was stopped or could not go on; then it is taken over later */
export async function runImport(
  deps: ImportDeps,
  { statementId, token }: ImportClaim,
  options: ImportOptions = {},
): Promise<Statement> {
  const { db, now } = deps;
  const hold = async (to: Db, change: ImportChange = {}): Promise<void> => {
    options.signal?.throwIfAborted();
    if (!(await noteImport(to, statementId, { token, until: now() + leaseMs }, change))) throw new LostImport();
  };
  try {
    const statement = await getStatement(db, statementId);
    if (statement.status === 'importing') await addAllLines(deps, statement, hold, options);
    for (let afterId: string | null = ''; afterId !== null; await nextTurn()) {
      afterId = await releaseLines(db, statementId, { afterId, size: releasedAtOnce, now: now() });
      await hold(db);
    }
    await tellCoverage(deps, statement);
    await noteBalanceBreaks(deps, statement);
    for (const day of daysOf(statement)) {
      await deps.reconcileDay({ shortcodeId: statement.shortcodeId, day });
      await hold(db);
      await nextTurn();
    }
    await removePieces(db, statementId);
    await leaveStatement(db, statementId, token);
  } catch (thrown) {
    // What was stopped is gone on with by the next who looks; what failed is tried again in a while.
    const until = options.signal?.aborted === true ? now() : now() + leaseMs;
    if (!(thrown instanceof LostImport)) await leaveStatement(db, statementId, token, until).catch(() => undefined);
    throw thrown;
  }
  return getStatement(db, statementId);
}

/** Decides and does it, for a command that waits. */
export async function importStatement(
  deps: ImportDeps,
  statementId: string,
  options: ImportOptions = {},
): Promise<Statement> {
  const claim = await inTransaction(deps.db, (trx) => claimImport(trx, statementId, deps.now()));
  return runImport(deps, claim, options);
}

async function getStatement(db: Db, statementId: string): Promise<Statement> {
  const statement = await findStatementAcrossTenants(db, statementId);
  assert(statement !== undefined, 'a statement that was claimed is gone');
  return statement;
}

type Hold = (to: Db, change?: ImportChange) => Promise<void>;

async function addAllLines(
  { db, sealer, now }: ImportDeps,
  statement: Statement,
  hold: Hold,
  { onProgress }: ImportOptions,
): Promise<void> {
  const { id, shortcodeId, tenantId, mode, fileType } = statement;
  const shortcode = await findShortcodeAcrossTenants(db, shortcodeId);
  assert(shortcode !== undefined, 'a statement of a shortcode that is gone');
  const owner = { tenantId, mode, shortcodeId, environment: shortcode.environment, shortcode: shortcode.shortcode };
  const encoding = statement.summary.encoding as Encoding;
  const rows = readRows({ fileType, encoding }, () => readPieces(db, sealer, id));
  for await (const { lines, rowsDone } of readLines(rows, linesAtOnce)) {
    await inTransaction(db, async (trx) => {
      await addLines(trx, sealer, owner, lines, { now: now(), statementId: id, isHeld: true });
      await hold(trx, { rowsDone });
    });
    await onProgress?.(rowsDone);
    // SQLite answers without a turn of the event loop, and nothing else would have its turn before the end.
    await nextTurn();
  }
  const linesNew = await countLinesOf(db, id);
  const linesKnown = statement.summary.lines - linesNew;
  await hold(db, { status: 'imported', importedAt: now(), linesNew, linesKnown, rowsDone: statement.rows });
}

async function tellCoverage({ db, now }: ImportDeps, { shortcodeId, summary }: Statement): Promise<void> {
  for (const { from, to } of summary.coverage)
    await addCoverage(db, { shortcodeId, source: 'statement', fromAt: from, toAt: to, now: now() });
}

/** The Nairobi days of its rows and of the time it covers, the newest where there are too many. */
export function daysOf({ summary }: Pick<Statement, 'summary'>): string[] {
  const { firstAt, lastAt, coverage } = summary;
  const begins = [firstAt, ...coverage.map(({ from }) => from)].filter((at) => at !== null);
  const ends = [lastAt, ...coverage.map(({ to }) => to)].filter((at) => at !== null);
  if (begins.length === 0) return [];
  const last = nairobiDay(Math.max(...ends));
  const days: string[] = [];
  for (let day = nairobiDay(Math.min(...begins)); day <= last; day = dayAfter(day)) days.push(day);
  return days.slice(-mostDays);
}

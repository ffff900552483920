// SQL for discrepancies. One finding is one row, found by its fingerprint however often matching runs; a row closes
// itself when its cause is gone and opens again when it comes back, but what a person has closed stays closed. Lists
// page by keyset, newest first.

import type { Knex } from 'knex';
import { type Db, insertIgnoringDuplicates } from '../platform/database.ts';
import type { Page, Position } from '../platform/listing.ts';
import type { Mode } from '../tenants/api-key.ts';
import {
  type Discrepancy,
  type DiscrepancyType,
  type Finding,
  fingerprintOf,
  type Severity,
  severities,
} from './discrepancy.ts';
import { closeDiscrepancy, insertNotes, noteChecked, system } from './discrepancy-close-store.ts';
import { type DiscrepancyRow, toDiscrepancy, toRow } from './discrepancy-row.ts';

export interface Opened {
  opened: number;
  reopened: number;
}

/** Opens what is new, brings what is open up to date, and opens again what had closed itself. */
export async function openFindings(trx: Db, findings: readonly Finding[], now: number): Promise<Opened> {
  const byFingerprint = new Map(findings.map((finding) => [fingerprintOf(finding), finding]));
  if (byFingerprint.size === 0) return { opened: 0, reopened: 0 };
  const known = await readByFingerprint(trx, [...byFingerprint.keys()]);
  const fresh = [...byFingerprint].filter(([fingerprint]) => !known.has(fingerprint));
  const rows = fresh.map(([fingerprint, finding]) => toRow(finding, fingerprint, now));
  const opened = await insertIgnoringDuplicates(trx, 'discrepancies', rows);
  let reopened = 0;
  const unchanged: string[] = [];
  for (const [fingerprint, row] of known) {
    const change = changeOf(row, byFingerprint.get(fingerprint)!, now);
    if (change === null) unchanged.push(row.id);
    else if (await updateRow(trx, row, change)) reopened += row.status === 'closed' ? 1 : 0;
  }
  await noteChecked(trx, unchanged, now);
  return { opened, reopened };
}

/** What a finding changes on the row it has already; null for nothing. */
function changeOf(row: DiscrepancyRow, finding: Finding, now: number): Partial<DiscrepancyRow> | null {
  const isOpen = row.status === 'open';
  if (!isOpen && row.resolution !== 'cause_gone') return null;
  // Several lines tell the same; the words are those of the first, until that one says otherwise.
  if (isOpen && row.line_id !== null && row.line_id !== finding.lineId) return null;
  const said = {
    line_id: finding.lineId,
    at_risk_cents: finding.atRiskCents,
    detail: finding.detail.slice(0, 500),
    candidates: JSON.stringify(finding.candidates),
  };
  const isSame =
    row.line_id === said.line_id &&
    Number(row.at_risk_cents) === said.at_risk_cents &&
    row.detail === said.detail &&
    row.candidates === said.candidates;
  if (isOpen) return isSame ? null : { ...said, checked_at: now };
  const open = { status: 'open', opened_at: now, closed_at: null, closed_by: null, resolution: null, closed_why: null };
  return { ...said, ...open, checked_at: now } as Partial<DiscrepancyRow>;
}

/** What was opened before and may be gone: only these are looked at. */
export interface Area {
  types: readonly DiscrepancyType[];
  /** Those about these payments, unless they are about a line too. */
  paymentIds?: readonly string[];
  /** Those about these lines. */
  lineIds?: readonly string[];
  /** Those of one shortcode; alone or with a day. */
  shortcodeId?: string;
  day?: string;
}

/** Closes what is open in an area and was not found again, saying why; how many. */
export async function closeGone(
  trx: Db,
  area: Area,
  found: readonly Finding[],
  why: (gone: Discrepancy) => string,
  now: number,
): Promise<number> {
  if (area.paymentIds?.length === 0 || area.lineIds?.length === 0) return 0;
  const query = trx('discrepancies')
    .where({ status: 'open' })
    .whereIn('type', [...area.types]);
  if (area.paymentIds !== undefined) query.whereIn('payment_id', [...area.paymentIds]).whereNull('line_id');
  if (area.lineIds !== undefined) query.whereIn('line_id', [...area.lineIds]);
  if (area.shortcodeId !== undefined) query.where({ shortcode_id: area.shortcodeId });
  if (area.day !== undefined) query.where({ day: area.day });
  const still = new Set(found.map(fingerprintOf));
  const gone = ((await query) as DiscrepancyRow[]).filter(({ fingerprint }) => !still.has(fingerprint));
  let closed = 0;
  for (const row of gone)
    if (
      await closeDiscrepancy(trx, toDiscrepancy(row), {
        ...system,
        resolution: 'cause_gone',
        why: why(toDiscrepancy(row)),
        now,
      })
    )
      closed += 1;
  return closed;
}

/** Which of these payments something open is about, lines apart. Rides on `(payment_id)`. */
export async function findDoubted(db: Db, paymentIds: readonly string[]): Promise<string[]> {
  if (paymentIds.length === 0) return [];
  return db('discrepancies')
    .whereIn('payment_id', [...paymentIds])
    .where({ status: 'open' })
    .whereNull('line_id')
    .distinct('payment_id')
    .pluck('payment_id');
}

export async function findDiscrepancy(db: Db, discrepancyId: string): Promise<Discrepancy | undefined> {
  const row: DiscrepancyRow | undefined = await db('discrepancies').where({ id: discrepancyId }).first();
  return row === undefined ? undefined : toDiscrepancy(row);
}

async function readByFingerprint(trx: Db, fingerprints: readonly string[]): Promise<Map<string, DiscrepancyRow>> {
  const rows: DiscrepancyRow[] = await trx('discrepancies').whereIn('fingerprint', [...fingerprints]);
  return new Map(rows.map((row) => [row.fingerprint, row]));
}

async function updateRow(trx: Db, row: DiscrepancyRow, change: Partial<DiscrepancyRow>): Promise<boolean> {
  const version = row.version + 1;
  const guard = { id: row.id, version: row.version };
  if (
    (await trx('discrepancies')
      .where(guard)
      .update({ ...change, version })) !== 1
  )
    return false;
  if (row.status === 'closed') {
    const note = {
      discrepancyId: row.id,
      actor: system,
      act: 'reopened',
      text: `It is so again. It had been closed: ${row.closed_why ?? ''}`,
      at: change.opened_at ?? 0,
    };
    await insertNotes(trx, [note]);
  }
  return true;
}

/** Whose discrepancies; `tenantIds` null: of all tenants, `mode` null: of both. */
export interface DiscrepancyScope {
  tenantIds: readonly string[] | null;
  mode: Mode | null;
}

export interface DiscrepancyFilter extends DiscrepancyScope {
  ids?: readonly string[] | undefined;
  status?: Discrepancy['status'] | undefined;
  types?: readonly DiscrepancyType[] | undefined;
  severities?: readonly Severity[] | undefined;
  shortcodeId?: string | undefined;
  day?: string | undefined;
  /** Null: of nobody. */
  assigneeId?: string | null | undefined;
  paymentId?: string | undefined;
  lineId?: string | undefined;
  receipt?: string | undefined;
  openedBefore?: number | undefined;
}

export interface DiscrepancyWindow {
  limit: number;
  /** Of the last one before; its `createdAt` is the `openedAt`. */
  cursor?: Position | undefined;
}

function narrow(query: Knex.QueryBuilder, filter: DiscrepancyFilter): Knex.QueryBuilder {
  if (filter.tenantIds !== null) query.whereIn('tenant_id', [...filter.tenantIds]);
  if (filter.mode !== null) query.where({ mode: filter.mode });
  if (filter.ids !== undefined) query.whereIn('id', [...filter.ids]);
  if (filter.status !== undefined) query.where({ status: filter.status });
  if (filter.types !== undefined) query.whereIn('type', [...filter.types]);
  if (filter.severities !== undefined) query.whereIn('severity', [...filter.severities]);
  if (filter.shortcodeId !== undefined) query.where({ shortcode_id: filter.shortcodeId });
  if (filter.day !== undefined) query.where({ day: filter.day });
  if (filter.assigneeId === null) query.whereNull('assignee_id');
  else if (filter.assigneeId !== undefined) query.where({ assignee_id: filter.assigneeId });
  if (filter.paymentId !== undefined) query.where({ payment_id: filter.paymentId });
  if (filter.lineId !== undefined) query.where({ line_id: filter.lineId });
  if (filter.receipt !== undefined) query.where({ receipt: filter.receipt });
  if (filter.openedBefore !== undefined) query.where('opened_at', '<=', filter.openedBefore);
  return query;
}

/** Newest first, by keyset on (opened_at, id). */
export async function listDiscrepancies(
  db: Db,
  filter: DiscrepancyFilter,
  { limit, cursor }: DiscrepancyWindow,
): Promise<Page<Discrepancy>> {
  const query = narrow(db('discrepancies'), filter);
  if (cursor !== undefined)
    query.where('opened_at', '<=', cursor.createdAt).where((either) => {
      either.where('opened_at', '<', cursor.createdAt).orWhere('id', '<', cursor.id);
    });
  const rows: DiscrepancyRow[] = await query
    .orderBy([
      { column: 'opened_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1);
  return { items: rows.slice(0, limit).map(toDiscrepancy), hasMore: rows.length > limit };
}

export interface OpenCount {
  severity: Severity;
  count: number;
  atRiskCents: number;
}

/** What is open, by severity, the worst first; a severity of which nothing is open too. */
export async function countOpen(db: Db, filter: DiscrepancyFilter): Promise<OpenCount[]> {
  const rows: { severity: Severity; count: number; cents: number | null }[] = await narrow(db('discrepancies'), {
    ...filter,
    status: 'open',
  })
    .select('severity')
    .count({ count: '*' })
    .sum({ cents: 'at_risk_cents' })
    .groupBy('severity');
  return severities.map((severity) => {
    const found = rows.find((row) => row.severity === severity);
    return { severity, count: Number(found?.count ?? 0), atRiskCents: Number(found?.cents ?? 0) };
  });
}

/** What is open of a shortcode's day, by type. */
export async function countOpenOfDay(
  db: Db,
  shortcodeId: string,
  day: string,
): Promise<Partial<Record<DiscrepancyType, number>>> {
  const rows: Record<string, unknown>[] = await db('discrepancies')
    .select('type')
    .count({ count: '*' })
    .where({ shortcode_id: shortcodeId, day, status: 'open' })
    .groupBy('type')
    .orderBy('type');
  return Object.fromEntries(rows.map(({ type, count }) => [type, Number(count)]));
}

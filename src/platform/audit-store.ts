// The audit log: what people did, in the transaction that did it, each row chained to the one before by a keyed hash.
// Rows are never changed: the database refuses it, and a change behind its back breaks the chain, which only who holds
// the master key could mend. Phones and secrets are never part of an entry.

import { type Db, forUpdate } from './database.ts';
import { keyedHash } from './sealing.ts';

export interface AuditActor {
  /** An operator's id, or `cli`. */
  id: string;
  /** For people: an e-mail address, or who ran the command. */
  name: string;
}

/** Who acts, and from where. */
export interface By {
  actor: AuditActor;
  ip: string | null;
}

export interface AuditEntry {
  actor: AuditActor;
  /** `object.act` in the past tense: `key.revoked`. */
  action: string;
  tenantId: string | null;
  /** The id of what it was done to. */
  target: string | null;
  reason?: string | null;
  /** Small and flat; never a phone, never a secret. */
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown> | null;
  /** Where it came from. */
  ip?: string | null;
}

export interface AuditRow {
  seq: number;
  at: number;
  actor: string;
  actorName: string;
  action: string;
  tenantId: string | null;
  target: string | null;
  reason: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  ip: string | null;
}

interface Row {
  seq: number;
  at: number;
  actor: string;
  actor_name: string;
  action: string;
  tenant_id: string | null;
  target: string | null;
  reason: string | null;
  details: string;
  hash: string;
}

/** Appends inside the caller's transaction, which waits for any other that appends. @returns the row's number */
export async function appendAudit(trx: Db, auditKey: Buffer, entry: AuditEntry, at: number): Promise<number> {
  const head: { seq: number; hash: string } = await forUpdate(trx('audit_head').where({ id: 1 }), trx).first();
  const { before = null, after = null, ip = null } = entry;
  const row = {
    seq: Number(head.seq) + 1,
    at,
    actor: entry.actor.id,
    actor_name: entry.actor.name.slice(0, 255),
    action: entry.action,
    tenant_id: entry.tenantId,
    target: entry.target,
    reason: entry.reason?.slice(0, 500) ?? null,
    details: JSON.stringify({ before, after, ip }),
  };
  const hash = hashOf(auditKey, row, head.hash);
  await trx('audit_log').insert({ ...row, hash });
  await trx('audit_head').where({ id: 1 }).update({ seq: row.seq, hash });
  return row.seq;
}

function hashOf(auditKey: Buffer, row: Omit<Row, 'hash'>, previous: string): string {
  const { seq, at, actor, actor_name, action, tenant_id, target, reason, details } = row;
  const fields = [Number(seq), Number(at), actor, actor_name, action, tenant_id, target, reason, details, previous];
  return keyedHash(auditKey, JSON.stringify(fields));
}

export type AuditVerdict = { isIntact: true; lastSeq: number } | { isIntact: false; brokenSeq: number; why: string };

const verifyBatch = 1000;

/** Walks the chain from `from.seq` on; from the beginning unless a place that was verified is given. */
export async function verifyAudit(
  db: Db,
  auditKey: Buffer,
  from: { seq: number; hash: string } = { seq: 0, hash: '' },
): Promise<AuditVerdict & { hash?: string }> {
  const head: { seq: number; hash: string } = await db('audit_head').where({ id: 1 }).first();
  let { seq, hash } = from;
  for (;;) {
    const rows: Row[] = await db('audit_log').where('seq', '>', seq).orderBy('seq').limit(verifyBatch);
    for (const row of rows) {
      if (Number(row.seq) !== seq + 1) return broken(seq + 1, 'the row is missing');
      if (hashOf(auditKey, row, hash) !== row.hash) return broken(Number(row.seq), 'the row was changed');
      seq = Number(row.seq);
      hash = row.hash;
    }
    if (rows.length < verifyBatch) break;
  }
  // What was appended since the head was read is fine; less than the head says is not.
  if (seq < Number(head.seq)) return broken(seq + 1, 'the end of the log is missing');
  if (seq === Number(head.seq) && hash !== head.hash) return broken(seq, 'the end of the log was changed');
  return { isIntact: true, lastSeq: seq, hash };
}

function broken(brokenSeq: number, why: string): AuditVerdict {
  return { isIntact: false, brokenSeq, why };
}

export interface AuditFilter {
  /** Null: all tenants. */
  tenantId: string | null;
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
  /** Rows before this one. */
  beforeSeq?: number | undefined;
  limit: number;
}

/** Newest first. */
export async function listAudit(db: Db, filter: AuditFilter): Promise<AuditRow[]> {
  const query = db('audit_log').orderBy('seq', 'desc').limit(filter.limit);
  const { tenantId, actor, action, target, since, until, beforeSeq } = filter;
  if (tenantId !== null) query.where({ tenant_id: tenantId });
  if (actor !== undefined) query.where({ actor });
  if (action !== undefined) query.where({ action });
  if (target !== undefined) query.where({ target });
  if (since !== undefined) query.where('at', '>=', since);
  if (until !== undefined) query.where('at', '<', until);
  if (beforeSeq !== undefined) query.where('seq', '<', beforeSeq);
  return ((await query) as Row[]).map((row) => {
    const { before, after, ip } = JSON.parse(row.details) as Pick<AuditRow, 'before' | 'after' | 'ip'>;
    return {
      seq: Number(row.seq),
      at: row.at,
      actor: row.actor,
      actorName: row.actor_name,
      action: row.action,
      tenantId: row.tenant_id,
      target: row.target,
      reason: row.reason,
      before,
      after,
      ip,
    };
  });
}

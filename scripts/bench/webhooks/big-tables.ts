// A year of a busy gateway, made inside the database: a thousand endpoints, a million deliveries, nearly all of them
// delivered, with a backlog, leases, held and dead ones among them. The secondary indexes are taken off while the rows
// go in and are built again afterwards, which is many times faster; they end the same.

import { randomBytes } from 'node:crypto';
import { lanes } from '../../../src/webhooks/delivery.ts';
import { dropIndexes, numbers, rowsPerInsert } from '../bulk.ts';
import type { Stage } from '../stage.ts';

export const bigDeliveries = 1_000_000;
const bigEndpoints = 1000;
const bigEvents = 300_000;
const betweenDeliveriesMs = 30;
/** Delivery n goes to endpoint n * step. */
const step = 7;
/** An endpoint and an event that it was told of. */
export const someEndpoint = { number: 3, event: 429 } as const;

/** An id as long as a real one, that sorts by its number. */
const idOf = (prefix: string, number: string): string => `CONCAT('${prefix}_01big', LPAD(${number}, 21, '0'))`;

/** The id of row `number`. */
export const bigId = (prefix: string, number: number): string => `${prefix}_01big${String(number).padStart(21, '0')}`;

/** Fills the tables; how long it took. */
export async function fillBigTables(stage: Stage): Promise<number> {
  const startedAt = performance.now();
  const now = Date.now();
  const indexes = await dropIndexes(stage, ['deliveries', 'events']);
  await addEndpoints(stage, now);
  for (let from = 0; from < bigEvents; from += rowsPerInsert) await addEvents(stage, from, now);
  for (let from = 0; from < bigDeliveries; from += rowsPerInsert) await addDeliveries(stage, from, now);
  for (const sql of indexes) await stage.query(sql);
  await stage.query('ANALYZE TABLE deliveries, events, endpoints');
  return (performance.now() - startedAt) / 1000;
}

/** Five for each tenant. */
async function addEndpoints({ query }: Stage, now: number): Promise<void> {
  await query(
    `INSERT INTO tenants (id, name, status, created_at)
     SELECT ${idOf('ten', 'n')}, 'Big', 'active', ? FROM (${numbers}) numbers WHERE n < ?`,
    [now, bigEndpoints / 5],
  );
  await query(
    `INSERT INTO endpoints (id, tenant_id, mode, url, types, status, version, failure_count, timeouts_in_row,
       recent_minutes, breaker_level, told_level, served_at, created_at, updated_at)
     SELECT ${idOf('whe', 'n')}, ${idOf('ten', 'n DIV 5')}, 'test', 'http://127.0.0.1:9/', '["*"]',
       CASE WHEN n % 50 = 7 THEN 'disabled' WHEN n % 50 = 8 THEN 'deleted' ELSE 'enabled' END, 1, 0, 0, '[]', 0, 0,
       ? - n, ?, ? FROM (${numbers}) numbers WHERE n < ?`,
    [now, now, now, bigEndpoints],
  );
}

/** All but the last thousand were fanned out. */
async function addEvents({ query }: Stage, from: number, now: number): Promise<void> {
  await query(
    `INSERT INTO events (id, tenant_id, mode, type, object_id, dedupe_key, body_sealed, created_at, fanned_out_at)
     SELECT ${idOf('evt', `n + ${from}`)}, ${idOf('ten', `(n % ${bigEndpoints}) DIV 5`)}, 'test', 'payment.succeeded',
       ${idOf('pay', `n + ${from}`)}, CONCAT(${idOf('pay', `n + ${from}`)}, '.4'), '', ? + (n + ?) * 100,
       IF(n + ? >= ?, NULL, ? + (n + ?) * 100) FROM (${numbers}) numbers ORDER BY n`,
    [now - bigEvents * 100, from, from, bigEvents - 1000, now - bigEvents * 100, from],
  );
}

/**
 * Of a hundred at each endpoint 96 are delivered; two wait for a later time and one is due now (held at a disabled
 * endpoint, cancelled at a deleted one), and one is dead. Ten of each insert are on their way.
 */
async function addDeliveries({ query }: Stage, from: number, now: number): Promise<void> {
  const at = `? + (n + ${from}) * ${betweenDeliveriesMs}`;
  const start = now - bigDeliveries * betweenDeliveriesMs;
  const waits = "CASE e % 50 WHEN 7 THEN 'held' WHEN 8 THEN 'cancelled' ELSE 'pending' END";
  await query(
    `INSERT INTO deliveries (id, event_id, endpoint_id, tenant_id, mode, type, status, lane, next_trigger, step,
       attempt_count, due_at, lease_token, last_status_code, created_at, delivered_at)
     SELECT ${idOf('whd', `n + ${from}`)}, ${idOf('evt', `n + ${from}`)}, ${idOf('whe', 'e')}, ${idOf('ten', 'e DIV 5')},
       'test', 'payment.succeeded',
       CASE WHEN part < 96 THEN 'delivered' WHEN part < 99 THEN ${waits} ELSE 'dead' END,
       ${lanes.normal}, IF(part < 96, 'first', 'retry'), 0, 1,
       CASE WHEN part IN (96, 97) THEN ? + n WHEN part = 98 THEN ${at} ELSE NULL END, NULL, 204, ${at},
       IF(part < 96, ${at}, NULL)
     FROM (SELECT n, (n * ${step}) % ${bigEndpoints} AS e, (n * 37 + n DIV 1000 * 31) % 100 AS part
           FROM (${numbers}) numbers) parts ORDER BY n`,
    [now + 60_000, start, start, start],
  );
  await query(
    `UPDATE deliveries SET status = 'sending', lease_token = ?, due_at = ?
     WHERE id BETWEEN ${idOf('whd', String(from))} AND ${idOf('whd', String(from + 9))}`,
    [randomBytes(12).toString('base64url'), now + 45_000],
  );
}

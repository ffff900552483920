// Ninety days of a busy gateway, made inside the database: a million payments of twenty tenants with their transitions,
// callbacks and statistics, and webhooks for the newest of them. Only phones are sealed out here, so that every row can
// be shown as a page shows it. What a payment came to follows from its number alone.

import { addShortcode } from '../../../src/mpesa/manage-shortcodes.ts';
import { phoneIndex } from '../../../src/payments/create-payment.ts';
import { phoneContext } from '../../../src/payments/payment-row.ts';
import { createTenant } from '../../../src/tenants/manage-tenants.ts';
import { seedPast } from '../../demo/seed/seed-past.ts';
import { dropIndexes, rowsPerInsert } from '../bulk.ts';
import type { Stage } from '../stage.ts';

export interface BigPayments {
  count: number;
  seconds: number;
  /** The one with the most payments. */
  tenantId: string;
  /** What was written as the gateway does it, raw exchanges and all: a payment, a delivery, and the payment's merchant. */
  real: { paymentId: string; deliveryId: string; apiKey: string };
}

export const tenantCount = 20;
export const customers = 250_000;
export const mostTold = 300_000;
const spanMs = 90 * 86_400_000;
/** The newest, which wait for their callbacks. */
const waiting = 60;
const phonesPerInsert = 10_000;
const tables = ['payments', 'payment_transitions', 'evidence', 'events', 'deliveries', 'attempts', 'hourly_stats'];

/** The id of row `number`: it sorts by it, and has a real id's shape. */
export const bigId = (prefix: string, number: number): string => `${prefix}_${String(number).padStart(26, '0')}`;
const idOf = (prefix: string, number: string): string => `CONCAT('${prefix}_', LPAD(${number}, 26, '0'))`;

/** Of customer `number`. */
export const phoneOf = (number: number): string => `2547${String(10_000_000 + (number % customers)).padStart(8, '0')}`;
export const referenceOf = (number: number): string => `ORD-${String(number % 500_000).padStart(6, '0')}`;
/** Numbers of payments jump among customers. */
export const customerOf = (number: number): number => (number * 7919) % customers;

type Say = (line: string) => void;

export async function fillBigPayments(stage: Stage, count: number, say: Say): Promise<BigPayments> {
  const startedAt = performance.now();
  const now = Date.now();
  const lap = createLaps(say);
  await stage.query('SET SESSION unique_checks = 0');
  const indexes = await dropIndexes(stage, tables);
  const tenantId = await addTenants(stage);
  await addPhones(stage, count);
  lap('phones sealed');
  await eachChunk(count, (from, to) => addPayments(stage, { from, to, count, now }));
  lap('payments');
  await eachChunk(count, (from, to) => addHistory(stage, from, to));
  lap('transitions and callbacks');
  const told = Math.min(count, mostTold);
  await addEndpoints(stage, now);
  await eachChunk(told, (from, to) => addWebhooks(stage, count - told + from, count - told + to));
  lap('webhooks');
  await addStatistics(stage, now);
  lap('statistics');
  for (const sql of indexes) await stage.query(sql);
  lap('indexes');
  await stage.query('DROP TABLE bench_phones, bench_tenants');
  await stage.query(`ANALYZE TABLE ${tables.join(', ')}, endpoints, shortcodes, push_minutes`);
  await stage.query('SET SESSION unique_checks = 1');
  const real = await addReal(stage);
  lap('a few real ones');
  return { count, seconds: (performance.now() - startedAt) / 1000, tenantId, real };
}

/** A small past as the demo has it; of it one whose money came late. */
async function addReal({ core, query }: Stage): Promise<BigPayments['real']> {
  const endpointUrl = (name: string): string => `https://${name}.example.com/lango`;
  const { merchants } = await seedPast(core, { payments: 300, mode: 'test', endpointUrl });
  const [late] = await query<{ id: string; tenant_id: string }[]>(
    "SELECT id, tenant_id FROM payments WHERE tenant_id IN (?) AND flags = 'late' LIMIT 1",
    [merchants.map(({ tenantId }) => tenantId)],
  );
  const { apiKey, endpoints } = merchants.find(({ tenantId }) => tenantId === late!.tenant_id)!;
  const [told] = await query<{ id: string }[]>('SELECT id FROM deliveries WHERE endpoint_id = ? LIMIT 1', [
    endpoints[0]!.endpoint.id,
  ]);
  return { paymentId: late!.id, deliveryId: told!.id, apiKey };
}

function createLaps(say: Say): (what: string) => void {
  let since = performance.now();
  return (what) => {
    say(`  ${what}: ${((performance.now() - since) / 1000).toFixed(0)} s`);
    since = performance.now();
  };
}

async function eachChunk(count: number, work: (from: number, to: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += rowsPerInsert) await work(from, Math.min(count, from + rowsPerInsert));
}

/** @returns the tenant that three of ten payments belong to */
async function addTenants({ core, query }: Stage): Promise<string> {
  await query(
    'CREATE TABLE bench_tenants (i INT PRIMARY KEY, tenant_id VARCHAR(32), shortcode_id VARCHAR(32), shortcode VARCHAR(10), endpoint_id VARCHAR(32))',
  );
  const credentials = { consumer_key: 'bench', consumer_secret: 'bench', passkey: 'bench' };
  let first = '';
  for (let i = 0; i < tenantCount; i += 1) {
    const { id: tenantId } = await createTenant(core, `Merchant ${i + 1}`);
    const shortcode = String(600_100 + i);
    const own = { tenantId, mode: 'test', kind: 'paybill', shortcode, till: null, environment: 'simulator' } as const;
    const deps = { ...core, blindIndexKey: core.dataKeys.blindIndex };
    const { id } = await addShortcode(deps, { ...own, isDefault: true, credentials });
    await query('INSERT INTO bench_tenants VALUES (?, ?, ?, ?, ?)', [i, tenantId, id, shortcode, bigId('whe', i)]);
    if (i === 0) first = tenantId;
  }
  return first;
}

async function addPhones({ core, query }: Stage, count: number): Promise<void> {
  await query(
    'CREATE TABLE bench_phones (n INT PRIMARY KEY, sealed VARCHAR(160), phone_index VARCHAR(32), tail VARCHAR(3)) CHARACTER SET ascii',
  );
  const { sealer, dataKeys } = core;
  for (let from = 0; from < count; from += phonesPerInsert) {
    const rows = Array.from({ length: Math.min(phonesPerInsert, count - from) }, (_, index) => {
      const number = from + index;
      const phone = phoneOf(customerOf(number));
      const sealed = sealer.seal(phone, phoneContext(bigId('pay', number)));
      return [number, sealed, phoneIndex(phone, dataKeys.blindIndex), phone.slice(-3)];
    });
    await query('INSERT INTO bench_phones VALUES ?', [rows]);
  }
}

/** A number below `below` that looks like chance, and is another one for each `what`. */
const chance = (what: string, below: number): string => `CRC32(CONCAT('${what}', n)) % ${below}`;

/** Of ten thousand: late money, reviews and doubts are rare, as they are; what is old was settled. */
const statusOf = `CASE WHEN n >= total - ${waiting} THEN 'pending' WHEN x < 9000 THEN 'succeeded' WHEN x < 9350 THEN 'cancelled'
  WHEN x < 9900 THEN 'failed' WHEN x < 9950 THEN 'expired' WHEN x < 9960 THEN 'succeeded' WHEN x < 9962 AND n > total * 0.9 THEN 'needs_review'
  WHEN x < 9970 AND n > total - 20000 THEN 'unknown' ELSE 'succeeded' END`;
const flagsOf = `CASE WHEN x BETWEEN 9950 AND 9959 THEN 'late' WHEN x BETWEEN 9960 AND 9961 AND n > total * 0.9 THEN 'amount_mismatch' ELSE '' END`;
const failureOf = `CASE status WHEN 'cancelled' THEN 'cancelled_by_customer' WHEN 'expired' THEN 'prompt_expired'
  WHEN 'failed' THEN ELT(1 + x % 5, 'insufficient_funds', 'insufficient_funds', 'customer_unreachable', 'wrong_pin', 'provider_busy')
  ELSE NULL END`;

interface Chunk {
  from: number;
  to: number;
  count: number;
  now: number;
}

async function addPayments({ query }: Stage, { from, to, count, now }: Chunk): Promise<void> {
  const isEnded = "status NOT IN ('pending', 'unknown', 'needs_review')";
  await query(
    `INSERT INTO payments (id, tenant_id, mode, shortcode_id, shortcode, environment, status, version, flags, amount_kes,
       amount_received_kes, phone_sealed, phone_index, phone_tail, reference, description, metadata, idempotency_key,
       request_hash, merchant_request_id, checkout_request_id, mpesa_receipt, confirmed_by, failure_code, provider_code,
       review_reason, created_at, submitted_at, completed_at, expires_at, updated_at, due_at, attempt_count)
     SELECT ${idOf('pay', 'n')}, t.tenant_id, 'test', t.shortcode_id, t.shortcode, 'simulator', status, 4, flags, amount,
       IF(status = 'succeeded', amount, NULL), sealed, phone_index, tail, CONCAT('ORD-', LPAD(n % 500000, 6, '0')), 'Order',
       CONCAT('{"order":"', n, '"}'), CONCAT('"order-', n, '"'), CONCAT('big-', n), CONCAT('29115-34620561-', n),
       CONCAT('ws_CO_', LPAD(n, 14, '0'), '712345678'),
       IF(status = 'succeeded', CONCAT('UB5', LPAD(CONV(n, 10, 36), 7, '0')), NULL),
       IF(${isEnded}, IF(x % 50 = 0, 'query', 'callback'), NULL), ${failureOf}, IF(status = 'cancelled', '1032', NULL),
       IF(status = 'needs_review', 'amount', NULL), made, made + 40, IF(${isEnded}, made + took, NULL), made + 300000,
       made + took, IF(status IN ('pending', 'unknown'), made + 300000, NULL), 1
     FROM (SELECT *, ${statusOf} AS status, ${flagsOf} AS flags
           FROM (SELECT p.*, ? AS total, ${chance('s', 10_000)} AS x, 10 * (1 + ${chance('a', 500)}) AS amount,
                   ? + ROUND(n * ?) AS made, 4000 + ${chance('d', 26_000)} AS took,
                   IF(${chance('t', 10)} < 3, 0, 1 + ${chance('u', tenantCount - 1)}) AS i
                 FROM bench_phones p WHERE n >= ? AND n < ?) chosen) known
     JOIN bench_tenants t ON t.i = known.i ORDER BY n`,
    [count, now - spanMs, spanMs / count, from, to],
  );
}

async function addHistory({ query }: Stage, from: number, to: number): Promise<void> {
  const own = 'WHERE p.id >= ? AND p.id < ? AND p.mode = ?';
  const between = [bigId('pay', from), bigId('pay', to), 'test'];
  await query(
    `INSERT INTO payment_transitions (payment_id, version, tenant_id, from_status, to_status, cause, evidence_id, actor, at, counted_at)
     SELECT p.id, v.version, p.tenant_id, v.before_it, IF(v.version = 4, p.status, v.after_it), 'big', NULL, 'system',
       IF(v.version = 4, p.updated_at, p.created_at + 40 * v.version), p.updated_at
     FROM payments p JOIN (SELECT 2 AS version, 'queued' AS before_it, 'submitting' AS after_it
       UNION ALL SELECT 3, 'submitting', 'pending' UNION ALL SELECT 4, 'pending', '') v
     ${own} AND (v.version < 4 OR p.status <> 'pending') ORDER BY p.id, v.version`,
    between,
  );
  await query(
    `INSERT INTO evidence (id, payment_id, tenant_id, shortcode_id, source, strength, verdict, result_code, detail, receipt,
       amount_cents, source_ip, at)
     SELECT REPLACE(p.id, 'pay_', 'evd_'), p.id, p.tenant_id, p.shortcode_id, 'callback', 'A',
       IF(RIGHT(p.id, 4) = '7777', 'forged_ids', 'applied'), '0', 'The service request is processed successfully.',
       p.mpesa_receipt, p.amount_kes * 100, '196.201.214.200', p.updated_at
     FROM payments p ${own} AND p.status <> 'pending' ORDER BY p.id`,
    between,
  );
}

/** One for each tenant. */
async function addEndpoints({ query }: Stage, now: number): Promise<void> {
  await query(
    `INSERT INTO endpoints (id, tenant_id, mode, url, types, status, version, failure_count, timeouts_in_row,
       recent_minutes, breaker_level, told_level, served_at, created_at, updated_at)
     SELECT endpoint_id, tenant_id, 'test', CONCAT('https://shop', i, '.example.com/lango'), '["*"]', 'enabled', 1, 0, 0,
       '[]', 0, 0, ?, ?, ? FROM bench_tenants`,
    [now, now, now],
  );
}

/** Nearly all delivered at once; one in two thousand was given up. */
async function addWebhooks({ query }: Stage, from: number, to: number): Promise<void> {
  const own = `FROM payments p JOIN bench_tenants t ON t.tenant_id = p.tenant_id
     WHERE p.id >= ? AND p.id < ? AND p.mode = 'test' AND p.status <> 'pending' ORDER BY p.id`;
  const between = [bigId('pay', from), bigId('pay', to)];
  const id = (prefix: string): string => `REPLACE(p.id, 'pay_', '${prefix}_')`;
  const isDead = 'CRC32(p.id) % 2000 = 0';
  await query(
    `INSERT INTO events (id, tenant_id, mode, type, object_id, dedupe_key, body_sealed, created_at, fanned_out_at)
     SELECT ${id('evt')}, p.tenant_id, 'test', CONCAT('payment.', p.status), p.id, CONCAT(p.id, '.4'), '', p.updated_at, p.updated_at ${own}`,
    between,
  );
  await query(
    `INSERT INTO deliveries (id, event_id, endpoint_id, tenant_id, mode, type, status, lane, next_trigger, step,
       attempt_count, last_status_code, last_error, created_at, delivered_at)
     SELECT ${id('whd')}, ${id('evt')}, t.endpoint_id, p.tenant_id, 'test', CONCAT('payment.', p.status),
       IF(${isDead}, 'dead', 'delivered'), 0, 'first', 0, 1, IF(${isDead}, 422, 204), IF(${isDead}, 'client_error', NULL),
       p.updated_at, IF(${isDead}, NULL, p.updated_at + 80) ${own}`,
    between,
  );
  await query(
    `INSERT INTO attempts (id, delivery_id, tenant_id, number, cause, started_at, duration_ms, status_code, request_headers)
     SELECT CONCAT(${id('whd')}, '.1'), ${id('whd')}, p.tenant_id, 1, 'first', p.updated_at, 80, 204, '{}' ${own}`,
    between,
  );
}

/** Summed up where the worker would have counted one by one; in the same spans. */
async function addStatistics({ query }: Stage, now: number): Promise<void> {
  const spans = [
    { minutes: 60, since: 0 },
    { minutes: 5, since: now - 8 * 86_400_000 },
  ];
  for (const { minutes, since } of spans)
    for (const owner of ['tenant_id, shortcode_id', "'', ''"])
      await query(
        `INSERT INTO hourly_stats (tenant_id, shortcode_id, mode, minutes, starts_at, outcome, failure_code, latency, count, kes)
         SELECT ${owner}, 'test', ${minutes}, updated_at - updated_at % ${minutes * 60_000} AS starts_at, status,
           COALESCE(failure_code, ''), IF(status = 'succeeded', 2 + FLOOR(LN((updated_at - submitted_at) / 2000) / LN(1.25)), 0) AS latency,
           COUNT(*), SUM(amount_kes)
         FROM payments WHERE updated_at >= ${since} AND status <> 'pending' AND mode = 'test'
         GROUP BY ${owner.includes('_id') ? `${owner}, ` : ''}starts_at, status, failure_code, latency`,
      );
  await query(
    `INSERT INTO push_minutes (mode, outcome, starts_at, shortcode_id, code, tenant_id, count, duration_ms, first_at, last_at)
     SELECT 'test', 'accepted', submitted_at - submitted_at % 60000 AS starts_at, shortcode_id, '', tenant_id, COUNT(*),
       COUNT(*) * 600, MIN(submitted_at), MAX(submitted_at)
     FROM payments WHERE submitted_at >= ? AND mode = 'test' GROUP BY starts_at, shortcode_id, tenant_id`,
    [now - 86_400_000],
  );
}

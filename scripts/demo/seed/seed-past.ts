// Fills a database with a past: some merchants, N payments of the last eight days with all that belongs to them
// (transitions, evidence, receipts, events, deliveries, attempts), and the statistics counted from them. For the demo, the
// pictures in the README and tests. The rows are written by the gateway's own stores; a running gateway is not disturbed,
// because nothing of it is due.

import type { Core } from '../../../src/compose.ts';
import { toEventRow } from '../../../src/events/event-store.ts';
import { saveLastCallbacks } from '../../../src/mpesa/shortcode-store.ts';
import { fingerprint, makePayment, type PaymentRequest } from '../../../src/payments/create-payment.ts';
import { claimReceipts, insertEvidence, insertTransitions } from '../../../src/payments/evidence-store.ts';
import { countTransitions } from '../../../src/payments/hourly-stats-relay.ts';
import type { Payment } from '../../../src/payments/payment.ts';
import { type NewPayment, toColumns, toRow } from '../../../src/payments/payment-row.ts';
import { type Db, insertIgnoringDuplicates, inTransaction } from '../../../src/platform/database.ts';
import { insertDeliveries, writeAttempts } from '../../../src/webhooks/delivery-store.ts';
import { updateEndpoints } from '../../../src/webhooks/endpoint-store.ts';
import { type Chance, createChance, idMadeAt } from './chance.ts';
import { type Lived, liveThrough } from './live-through.ts';
import { makeMerchants, type PastMerchant } from './past-merchants.ts';
import { type PlannedPayment, pastDays, planPast } from './past-times.ts';
import { createTeller, type PastEvent, type Teller, type Told } from './past-webhooks.ts';

export interface PastOptions {
  payments: number;
  mode: 'test' | 'live';
  /** Where the webhooks of such a name go. */
  endpointUrl(name: string): string;
  /** The same number gives the same past, but for ids and receipts. */
  seed?: number;
  /** Called again and again while it fills; `done` is `total` once for each `what`. */
  onProgress?(progress: Progress): void;
  /** Breaks it off between two batches. */
  signal?: AbortSignal;
}

export interface Progress {
  what: 'payments' | 'changes counted';
  done: number;
  total: number;
}

export interface Past {
  merchants: PastMerchant[];
  payments: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const batchSize = 200;
const expiresInSeconds = 300;
const goneForMs = 20 * hourMs;

export async function seedPast(core: Core, options: PastOptions): Promise<Past> {
  const { mode, endpointUrl, onProgress = () => {} } = options;
  const now = core.now();
  const chance = createChance(options.seed ?? 1);
  const merchants = await makeMerchants(core, { mode, madeAt: now - (pastDays + 1) * dayMs, endpointUrl });
  const filling = createFilling(core, merchants, now, chance);
  const planned = planPast(options.payments, now, chance);
  const total = planned.length;
  for (let from = 0; from < total; from += batchSize) {
    options.signal?.throwIfAborted();
    await filling.write(planned.slice(from, from + batchSize));
    onProgress({ what: 'payments', done: Math.min(total, from + batchSize), total });
  }
  await filling.finish();
  await countAll(core, filling.changes(), options);
  return { merchants, payments: planned.length };
}

/** The statistics, by whoever counts at this moment: this or a worker beside it. */
async function countAll(core: Core, total: number, { onProgress = () => {}, signal }: PastOptions): Promise<void> {
  let done = 0;
  for (let found = await countTransitions(core); found > 0; found = await countTransitions(core)) {
    signal?.throwIfAborted();
    done += found;
    // One that was read with another of its payment is not in the number: the end is told once.
    if (done < total * 0.99) onProgress({ what: 'changes counted', done, total });
  }
  onProgress({ what: 'changes counted', done: total, total });
}

interface Filling {
  write(planned: readonly PlannedPayment[]): Promise<void>;
  /** Transitions written so far. */
  changes(): number;
  /** What is known only at the end: how endpoints fare, when shortcodes were called back last. */
  finish(): Promise<void>;
}

/** A payment with what it left behind. */
interface Filled {
  made: NewPayment;
  lived: Lived;
  events: ReturnType<typeof toEventRow>[];
  told: Told[];
}

function createFilling(core: Core, merchants: readonly PastMerchant[], now: number, chance: Chance): Filling {
  const { db, sealer } = core;
  const customers = createCustomers(chance);
  const guards = new Set<string>();
  const lastCallbackAt = new Map<string, number>();
  const goneAt = now - goneForMs;
  const tellers = new Map<string, Teller[]>(
    merchants.map(({ tenantId, endpoints }) => [
      tenantId,
      endpoints.map(({ endpoint, manner }) => createTeller(endpoint, { manner, now, goneAt, chance })),
    ]),
  );

  function fill({ createdAt, scenario }: PlannedPayment, serial: number): Filled {
    const merchant = chance.weighted(merchants.map((one) => ({ weight: one.share, is: one })));
    const made = makeAt(core, merchant, createdAt, customers(merchant.tenantId), `past-${serial}`, chance);
    keepGuards(made, guards);
    const lived = liveThrough(
      made.payment,
      scenario.make(chance, { amountKes: made.payment.amountKes, ageMs: now - createdAt }),
      now,
      chance,
    );
    const { id: shortcodeId } = merchant.shortcode;
    const calledBackAt = Math.max(lived.calledBackAt ?? 0, lastCallbackAt.get(shortcodeId) ?? 0);
    if (calledBackAt > 0) lastCallbackAt.set(shortcodeId, calledBackAt);
    const events = lived.written.events.map((event, index) => {
      const at = lived.eventTimes[index]!;
      return toEventRow(idMadeAt('evt', at), { ...event, isFannedOut: true }, sealer, at);
    });
    const told = events.flatMap((event) =>
      tellers.get(merchant.tenantId)!.flatMap((teller) => teller.tell(asPastEvent(event)) ?? []),
    );
    return { made, lived, events, told };
  }

  const asPastEvent = (row: Filled['events'][number]): PastEvent => ({
    id: row.id,
    type: row.type,
    createdAt: row.created_at,
    body: sealer.open(row.body_sealed, ['events', 'body_sealed', row.id]),
  });

  const all = [...tellers.values()].flat();
  const closed = new Set<Teller>();
  let serial = 0;
  let changes = 0;
  return {
    changes: () => changes,
    async write(planned) {
      const filled = planned.map((one) => fill(one, ++serial));
      changes += filled.reduce((sum, { lived }) => sum + lived.written.transitions.length, 0);
      const gone = all.filter((teller) => teller.isGone() && !closed.has(teller));
      for (const teller of gone) closed.add(teller);
      const endpoints = gone.map((teller) => teller.endpoint());
      await inTransaction(db, async (trx) => {
        await insertFilled(trx, core, filled);
        // What is held at an endpoint that is enabled would be let go by the worker.
        await updateEndpoints(trx, endpoints, now);
      });
    },
    async finish() {
      const endpoints = all.map((teller) => teller.endpoint());
      await updateEndpoints(db, endpoints, now);
      await saveLastCallbacks(db, lastCallbackAt);
    },
  };
}

/** The request as it would have come, queued. */
function makeAt(
  { dataKeys }: Core,
  { tenantId, shortcode, order }: PastMerchant,
  createdAt: number,
  phone: string,
  key: string,
  chance: Chance,
): NewPayment {
  const request: PaymentRequest = {
    ...order(chance),
    phone,
    shortcode: null,
    expiresInSeconds,
    allowDuplicate: false,
    retryOf: null,
  };
  const deps = { now: () => createdAt, blindIndexKey: dataKeys.blindIndex };
  const input = { tenantId, mode: shortcode.mode, idempotencyKey: `"${key}"`, request };
  const made = makePayment(deps, input, shortcode, fingerprint(request, dataKeys.blindIndex));
  return { ...made, payment: { ...made.payment, id: idMadeAt('pay', createdAt) } };
}

/** Whoever holds a guard keeps it. */
function keepGuards(made: NewPayment, guards: Set<string>): void {
  for (const name of ['guardEven', 'guardOdd'] as const) {
    const guard = made[name];
    if (guard === null) continue;
    if (guards.has(guard)) made[name] = null;
    guards.add(guard);
  }
}

/** Two of three customers have been there before. */
function createCustomers(chance: Chance): (tenantId: string) => string {
  const known = new Map<string, string[]>();
  return (tenantId) => {
    const own = known.get(tenantId) ?? [];
    known.set(tenantId, own);
    if (own.length > 0 && chance.random() < 0.66) return chance.pick(own);
    const phone = `2547${chance.pick(['00', '10', '20', '40'])}${String(chance.between(1_000_00, 999_999)).padStart(6, '0')}`;
    own.push(phone);
    return phone;
  };
}

async function insertFilled(trx: Db, { sealer }: Core, filled: readonly Filled[]): Promise<void> {
  const asRow = (made: NewPayment, payment: Payment) => ({ ...toRow(made, sealer), ...toColumns(payment) });
  const payments = filled.map(({ made, lived }) => asRow(made, lived.payment));
  await insertAll(trx, 'payments', payments);
  const lives = filled.map(({ lived }) => lived);
  const evidence = lives.flatMap(({ written }) => written.evidence);
  for (const some of inChunks(evidence)) await insertEvidence(trx, sealer, some);
  const transitions = lives.flatMap(({ written }) => written.transitions);
  for (const some of inChunks(transitions)) await insertTransitions(trx, some);
  const receipts = lives.flatMap((lived) => lived.receipts);
  if (receipts.length > 0) await claimReceipts(trx, receipts);
  const events = filled.flatMap((one) => one.events);
  for (const some of inChunks(events)) await insertAll(trx, 'events', some);
  const told = filled.flatMap((one) => one.told);
  const deliveries = told.map(({ delivery }) => delivery);
  for (const some of inChunks(deliveries)) await insertDeliveries(trx, some);
  const attempts = told.flatMap((one) => one.attempts);
  for (const some of inChunks(attempts)) await writeAttempts(trx, sealer, some);
}

/** What SQLite takes in one statement as knex writes it. */
const mostRowsAtOnce = 400;

function inChunks<T>(rows: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let from = 0; from < rows.length; from += mostRowsAtOnce) chunks.push(rows.slice(from, from + mostRowsAtOnce));
  return chunks;
}

async function insertAll(trx: Db, table: string, rows: readonly object[]): Promise<void> {
  const inserted = await insertIgnoringDuplicates(trx, table, rows);
  if (inserted !== rows.length) throw new Error(`${rows.length - inserted} rows of ${table} were refused`);
}

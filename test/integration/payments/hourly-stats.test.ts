// The statistics as a property: random lives of payments, told in random order and counted at random moments, come to
// what one counts by hand, and a rebuild comes to the same. And nothing is lost or doubled by a crash, a second worker or
// a rebuild that was broken off.

import { expect } from 'chai';
import fc from 'fast-check';
import type { FailureCode } from '../../../src/payments/failures.ts';
import { latencyOf, outcomes, spanStart } from '../../../src/payments/hourly-stats.ts';
import {
  beginRebuild,
  countTransitions,
  forgetOldSpans,
  rebuildStep,
} from '../../../src/payments/hourly-stats-relay.ts';
import { type Status, transitions } from '../../../src/payments/payment.ts';
import { type Db, inTransaction } from '../../../src/platform/database.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { lango } from '../../support/lango-command.ts';
import { endPayment } from '../../support/payment-states.ts';
import { beginStory } from '../../support/payment-story.ts';
import { insertSeeded, type SeededStep, seededRows } from '../../support/seeded-payments.ts';

const hour = 3_600_000;
const codes: FailureCode[] = ['insufficient_funds', 'provider_busy', 'misconfigured_shortcode'];

/** One step of a random walk over the table of transitions, and how long it takes. */
const step = fc.record({ choice: fc.nat(9), afterMs: fc.integer({ min: 500, max: 3 * hour }), code: fc.nat(2) });
const randomLife = fc.record({
  tenant: fc.nat(1),
  shortcode: fc.nat(1),
  amountKes: fc.integer({ min: 1, max: 5000 }),
  ageMs: fc.integer({ min: 0, max: 40 * hour }),
  steps: fc.array(step, { minLength: 1, maxLength: 7 }),
});
type RandomLife = typeof randomLife extends fc.Arbitrary<infer T> ? T : never;

function walk(life: RandomLife, createdAt: number): SeededStep[] {
  let status: Status = 'queued';
  let at = createdAt;
  return life.steps.flatMap(({ choice, afterMs, code }): SeededStep[] => {
    const next = Object.keys(transitions[status]) as Status[];
    if (next.length === 0) return [];
    const from = status;
    status = next[choice % next.length]!;
    at += afterMs;
    const failed = status === 'failed' || status === 'cancelled';
    const expiredCode = from === 'queued' ? 'not_sent_in_time' : 'unknown_result';
    const failureCode = failed ? codes[code]! : status === 'expired' ? expiredCode : null;
    return [{ to: status, at, failureCode }];
  });
}

/** Everything in both tables that is not zero, as sorted lines. */
async function readAll(db: Db): Promise<string[]> {
  const rows: Record<string, unknown>[] = await db('hourly_stats').whereNot({ count: 0 });
  return rows
    .map((row) =>
      [row.tenant_id, row.shortcode_id, row.mode, row.minutes, row.starts_at, row.outcome, row.failure_code]
        .concat([row.latency, row.count, row.kes])
        .join('|'),
    )
    .sort();
}

type Told = { tenantId: string; shortcodeId: string; amountKes: number; createdAt: number; steps: SeededStep[] };

/** The same, counted by hand from the end of each life. */
function byHand(lives: readonly Told[], now: number): string[] {
  const sums = new Map<string, [count: number, kes: number]>();
  for (const { tenantId, shortcodeId, amountKes, steps } of lives) {
    const last = steps.at(-1);
    if (last === undefined || !(outcomes as readonly string[]).includes(last.to)) continue;
    const submitted = [...steps].reverse().find(({ to }) => to === 'submitting' || to === 'queued');
    const isTimed = last.to === 'succeeded' && submitted?.to === 'submitting';
    const latency = isTimed ? latencyOf((last.at - submitted.at) / 1000) : 0;
    const spans = last.at >= now - 8 * 24 * hour ? [60, 5] : [60];
    for (const minutes of spans)
      for (const owner of [`${tenantId}|${shortcodeId}`, '|']) {
        const span = spanStart(last.at, minutes);
        const key = `${owner}|test|${minutes}|${span}|${last.to}|${last.failureCode ?? ''}|${latency}`;
        const [count, kes] = sums.get(key) ?? [0, 0];
        sums.set(key, [count + 1, kes + amountKes]);
      }
  }
  return [...sums].map(([key, [count, kes]]) => `${key}|${count}|${kes}`).sort();
}

describe('hourly_stats', () => {
  let app: TestGateway;
  let deps: { db: Db; now(): number };
  before(async () => {
    app = await buildGateway();
    deps = app.gateway.core;
  });
  after(() => app.close());

  async function rebuild(): Promise<void> {
    expect(await beginRebuild(deps)).to.equal('begun');
    while ((await rebuildStep(deps)).state !== 'done');
  }

  async function countAll(): Promise<void> {
    while ((await countTransitions(deps)) > 0);
  }

  async function wipe(): Promise<void> {
    for (const table of ['payments', 'payment_transitions', 'hourly_stats', 'push_minutes'])
      await deps.db(table).delete();
  }

  it('comes to what one counts by hand, in whatever order lives are told and counted; a rebuild comes to the same', async () => {
    const lives = fc.array(randomLife, { minLength: 1, maxLength: 25 });
    const told = fc.tuple(lives, fc.array(fc.nat(99), { maxLength: 60 }), fc.nat(30));
    await fc.assert(
      fc.asyncProperty(told, async ([random, order, aheadHours]) => {
        await wipe();
        const begin = deps.now() - aheadHours * hour;
        const full: Told[] = random.map((life) => {
          const createdAt = begin - life.ageMs;
          const ids = { tenantId: `ten_${life.tenant}`, shortcodeId: `sc_${life.tenant}${life.shortcode}` };
          return { ...ids, amountKes: life.amountKes, createdAt, steps: walk(life, createdAt) };
        });
        await tellInTurns(deps.db, full, order, () => countTransitions(deps));
        await countAll();
        const counted = await readAll(deps.db);
        expect(counted).to.deep.equal(byHand(full, deps.now()));
        await rebuild();
        expect(await readAll(deps.db)).to.deep.equal(counted);
        await countAll();
        expect(await readAll(deps.db), 'nothing is left to be counted').to.deep.equal(counted);
      }),
      { numRuns: 25 },
    );
  });

  it('counts what real payments came to, and their pushes', async () => {
    await wipe();
    const story = await beginStory(app);
    await endPayment(app, story, '0', { amount: 700 });
    await countAll();
    const rows: Record<string, unknown>[] = await deps
      .db('hourly_stats')
      .where({ tenant_id: story.tenant.id, minutes: 60 });
    expect(rows).to.have.length(1);
    expect(rows[0]).to.include({ outcome: 'succeeded', count: 1, kes: 700, shortcode_id: story.tenant.shortcodeId });
    const pushes: Record<string, unknown>[] = await deps.db('push_minutes').where({ tenant_id: story.tenant.id });
    expect(pushes.map(({ outcome, count }) => `${count} ${outcome}`)).to.deep.equal(['1 accepted']);
  });

  it('neither loses nor doubles what a crash interrupts', async () => {
    await wipe();
    const rows = seededRows({ tenantId: 'ten_c', shortcodeId: 'sc_c', createdAt: deps.now() }, [
      { to: 'submitting', at: deps.now() },
      { to: 'succeeded', at: deps.now() + 1000 },
    ]);
    await insertSeeded(deps.db, rows);
    const crash = new Error('the process is gone');
    const dying = Object.assign(
      () => {
        throw crash;
      },
      { now: deps.now },
    );
    // The clock is read when the marks are written: the crash comes after the counts and before the commit.
    const thrown = await countTransitions({ db: deps.db, now: dying }).catch((error: unknown) => error);
    expect(thrown).to.equal(crash);
    expect(await readAll(deps.db)).to.have.length(0);
    await countAll();
    expect((await readAll(deps.db)).filter((line) => line.startsWith('ten_c') && line.includes('|60|'))).to.have.length(
      1,
    );
  });

  it('counts each once while several workers count at the same time', async () => {
    await wipe();
    const rows = Array.from({ length: 40 }, (_, index) =>
      seededRows({ tenantId: 'ten_w', shortcodeId: 'sc_w', createdAt: deps.now() - index * 1000 }, [
        { to: 'submitting', at: deps.now() },
        { to: 'succeeded', at: deps.now() + 1000 },
      ]),
    );
    for (const one of rows) await insertSeeded(deps.db, one);
    await Promise.all(Array.from({ length: 6 }, () => countTransitions(deps)));
    await countAll();
    const total = await deps.db('hourly_stats').where({ tenant_id: 'ten_w', minutes: 60 }).sum({ n: 'count' }).first();
    expect(Number(total?.n)).to.equal(40);
  });

  it('a rebuild that was broken off is finished by the worker, with what happened meanwhile', async () => {
    await wipe();
    const steps = (at: number): SeededStep[] => [
      { to: 'submitting', at },
      { to: 'failed', at: at + 1000, failureCode: 'wrong_pin' },
    ];
    const seed = async (createdAt: number) => {
      const given = { tenantId: 'ten_b', shortcodeId: 'sc_b', createdAt };
      await insertSeeded(deps.db, seededRows(given, steps(createdAt)));
    };
    await seed(deps.now() - hour);
    await countAll();
    await beginRebuild(deps);
    expect(await beginRebuild(deps)).to.equal('resumed');
    await rebuildStep(deps);
    await seed(deps.now());
    await seed(deps.now() - 2 * hour);
    await countAll();
    const state = await deps.db('stats_state').first();
    expect(state.rebuilding_below).to.equal(null);
    const total = await deps.db('hourly_stats').where({ tenant_id: '', minutes: 60 }).sum({ n: 'count' }).first();
    expect(Number(total?.n)).to.equal(3);
  });

  it('`lango stats rebuild` counts them again beside a server', async () => {
    await wipe();
    const at = deps.now() - hour;
    const rows = seededRows({ tenantId: 'ten_l', shortcodeId: 'sc_l', createdAt: at }, [{ to: 'cancelled', at }]);
    await insertSeeded(deps.db, rows);
    await countAll();
    const counted = await readAll(deps.db);
    await deps.db('hourly_stats').delete();
    const { databaseUrl, dataDir } = app.config;
    const env = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
    const ended = await lango(['stats', 'rebuild', '--json'], env);
    expect(ended.status, ended.errors).to.equal(0);
    expect(JSON.parse(ended.output)).to.deep.equal({ resumed: false, payments: 1 });
    // The command lives in the real present, where the manual clock's day may lie in the past or the future.
    const hours = (lines: string[]) => lines.filter((line) => line.includes('|60|'));
    expect(hours(await readAll(deps.db))).to.deep.equal(hours(counted));
  });

  it('forgets short spans and pushes nobody asks for any more, and keeps the hours', async () => {
    await wipe();
    const at = deps.now() - 9 * 24 * hour;
    const given = { tenantId: 'ten_o', shortcodeId: 'sc_o', createdAt: deps.now() };
    await insertSeeded(deps.db, seededRows(given, [{ to: 'cancelled', at: deps.now() }]));
    await countAll();
    await deps.db('hourly_stats').update({ starts_at: at });
    await forgetOldSpans(deps);
    const kept: Record<string, unknown>[] = await deps.db('hourly_stats');
    expect([...new Set(kept.map(({ minutes }) => minutes))]).to.deep.equal([60]);
  });
});

/** Writes lives step by step: at each turn the next one of a random life, and now and then they are counted. */
async function tellInTurns(db: Db, lives: readonly Told[], order: readonly number[], count: () => Promise<unknown>) {
  const ids = lives.map(() => '');
  const done = lives.map(() => 0);
  async function tell(index: number, upTo: number): Promise<void> {
    const life = lives[index]!;
    const rows = seededRows(life, life.steps.slice(0, upTo));
    const id = ids[index] || rows.payment.id;
    ids[index] = id;
    const mine = { id, idempotency_key: id };
    await inTransaction(db, async (trx) => {
      await trx('payments').where({ id }).delete();
      await trx('payments').insert(rows.payments.map((row) => ({ ...row, ...mine })));
      for (const row of rows.transitions.slice(done[index])) {
        await trx('payment_transitions').insert({ ...row, payment_id: id });
      }
    });
    done[index] = upTo;
  }
  for (const turn of order) {
    const index = turn % lives.length;
    const next = done[index]! + 1;
    if (next <= lives[index]!.steps.length) await tell(index, next);
    if (turn % 5 === 0) await count();
  }
  for (const index of lives.keys()) await tell(index, lives[index]!.steps.length);
}

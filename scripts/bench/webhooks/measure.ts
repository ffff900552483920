// The measurements of webhooks, in an order in which none disturbs the next: throughput on empty tables, latency, a
// crash, and last the plans, for which the tables are filled.

import type { Services } from '../../../test/support/services.ts';
import { type CaseResult, rateOf } from '../cases.ts';
import { describeProfile, type ProfileSummary, readProfile } from '../profile.ts';
import { median } from '../report.ts';
import type { StatementCount } from '../sql-probe.ts';
import type { Undo } from '../stage.ts';
import { type Latency, latencyTargets, measureLatency } from './latency.ts';
import { measurePlans, type Plans } from './plans.ts';
import { measureRecovery, type Recovery, recoveryTargetSeconds } from './recovery.ts';
import { openSetting } from './setting.ts';
import { measureThroughput } from './throughput.ts';

export const webhookParts = ['throughput', 'latency', 'recovery', 'plans'] as const;
export type WebhookPart = (typeof webhookParts)[number];

export interface WebhookOptions {
  parts: readonly WebhookPart[];
  rounds: number;
  seconds: number;
  profile: string | null;
}

export interface WebhookResult {
  throughput: CaseResult | null;
  latency: Latency | null;
  recovery: Recovery | null;
  plans: Plans | null;
  /** With a profile: what the worker did for one delivery. */
  work: { profile: ProfileSummary | null; statements_per_delivery: number; statements: StatementCount[] } | null;
  mistakes: string[];
  /** But for the throughput, which has its own place in the report. */
  reached: boolean;
}

/** Of deliveries a second, where throughput was not measured in this run. */
const guessedRate = 1000;
const recoverySeconds = 8;
/** Latency needs more samples than a round of throughput gives. */
const latencyFactor = 4;

export async function measureWebhooks(
  services: Services,
  undo: Undo,
  { parts, rounds, seconds, profile }: WebhookOptions,
  say: (line: string) => void,
): Promise<WebhookResult> {
  const setting = await openSetting(services, undo);
  const result: WebhookResult = { ...nothing, mistakes: [] };
  const wants = (part: WebhookPart): boolean => parts.includes(part);
  if (wants('throughput')) {
    say('webhooks: throughput');
    const { result: measured, sql, pid } = await measureThroughput(setting, { rounds, seconds, profile, say });
    result.throughput = measured;
    if (sql !== null && profile !== null) {
      result.work = { profile: readProfile(profile, pid), ...perDelivery(sql.statements, sql.deliveries) };
      for (const line of describeWork(result.work)) say(line);
    }
  }
  if (wants('latency')) {
    say('webhooks: latency');
    result.latency = await measureLatency(setting, seconds * latencyFactor);
    say(`  ${describeLatency(result.latency)}`);
  }
  if (wants('recovery')) {
    say('webhooks: recovery');
    const measured = result.throughput?.rounds.map(({ lango }) => rateOf(lango));
    const rate = measured === undefined ? guessedRate : median(measured);
    result.recovery = await measureRecovery(setting, Math.round(rate * recoverySeconds));
    say(`  ${describeRecovery(result.recovery)}`);
  }
  if (wants('plans')) {
    say('webhooks: plans');
    result.plans = await measurePlans(setting.stage, say);
  }
  const { latency, recovery, plans } = result;
  for (const [name, one] of Object.entries({ latency, recovery }))
    result.mistakes.push(...(one?.mistakes ?? []).map((text) => `${name}: ${text}`));
  result.reached = [latency, recovery, plans].every((one) => one?.reached !== false);
  return result;
}

/** For the end of a run: what has no place in the table. */
export function describeWebhooks({ latency, recovery, plans }: WebhookResult): string[] {
  const lines = [];
  if (latency !== null) lines.push(`\nwebhook latency: ${describeLatency(latency)}`);
  if (recovery !== null) lines.push(`\nwebhook recovery: ${describeRecovery(recovery)}`);
  if (plans !== null) {
    const scans = plans.plans.filter(({ isFullScan }) => isFullScan).map(({ question }) => question);
    const found = scans.length === 0 ? 'no full scan of a big table' : `FULL SCANS: ${scans.join(', ')}`;
    lines.push(`\nwebhook plans: ${plans.plans.length} statements at ${plans.deliveries} deliveries, ${found}`);
  }
  return lines;
}

const nothing = { throughput: null, latency: null, recovery: null, plans: null, work: null, reached: true };

function describeLatency({ p50_ms, p95_ms, p99_ms, max_ms, ...rest }: Latency): string {
  const { p50_ms: p50, p95_ms: p95, p99_ms: p99 } = latencyTargets;
  const took = `p50 ${p50_ms} ms (at most ${p50}), p95 ${p95_ms} ms (${p95}), p99 ${p99_ms} ms (${p99}), max ${max_ms} ms`;
  const since = `p50 since the callback's answer ${rest.after_answer_p50_ms} ms`;
  return `${rest.events} events at 100/s, ${rest.deliveries} deliveries, event to receiver: ${took}; ${since}: ${rest.reached ? 'reached' : 'NOT reached'}`;
}

function describeRecovery({ deliveries, arrived_before, leased, others_seconds, ...rest }: Recovery): string {
  const killed = `killed after ${arrived_before} of ${deliveries}, ${leased} of them under its leases`;
  const took = `the others delivered ${others_seconds ?? '–'} s later, all ${rest.seconds} s later (at most ${recoveryTargetSeconds})`;
  return `${killed}; ${took}; ${rest.arrived_twice} arrived twice: ${rest.reached ? 'reached' : 'NOT reached'}`;
}

function perDelivery(
  all: readonly StatementCount[],
  deliveries: number,
): { statements_per_delivery: number; statements: StatementCount[] } {
  const forms = new Map<string, StatementCount>();
  for (const { form, count, rows, waitedMs } of all) {
    const known = forms.get(form) ?? { form, count: 0, rows: 0, waitedMs: 0 };
    forms.set(form, { form, count: known.count + count, rows: known.rows + rows, waitedMs: known.waitedMs + waitedMs });
  }
  const total = all.reduce((sum, { count }) => sum + count, 0);
  const statements = [...forms.values()].sort((left, right) => right.waitedMs - left.waitedMs);
  return { statements_per_delivery: Number((total / deliveries).toFixed(3)), statements };
}

function describeWork({ profile, statements_per_delivery, statements }: NonNullable<WebhookResult['work']>): string[] {
  return [
    `  SQL: ${statements_per_delivery} round trips for each delivery; times, rows each, mean ms until the answer`,
    ...statements.slice(0, 25).map(({ form, count, rows, waitedMs }) => {
      const [each, mean] = [(rows / count).toFixed(1), (waitedMs / count).toFixed(2)];
      return `    ${String(count).padStart(6)} ${each.padStart(7)} ${mean.padStart(7)} ms  ${form}`;
    }),
    ...(profile === null ? ['  no CPU profile was written'] : describeProfile(profile)),
  ];
}

// The measurements of the console: a million payments, how long each page takes on top of them, and how the database goes
// about every statement of the pages.

import os from 'node:os';
import path from 'node:path';
import type { Services } from '../../../test/support/services.ts';
import { startGateway } from '../processes.ts';
import { openStage, type Undo } from '../stage.ts';
import { fillBigPayments } from './big-payments.ts';
import { listPages } from './pages.ts';
import { describePlans, measurePlans, type PagePlans } from './plans.ts';
import { describeTimes, limitMs, measureTimes, type PageTimes } from './times.ts';
import { signIn, visit } from './visitor.ts';

export const consoleParts = ['pages', 'plans'] as const;
export type ConsolePart = (typeof consoleParts)[number];

export interface ConsoleOptions {
  parts: readonly ConsolePart[];
  payments: number;
  rounds: number;
}

export interface ConsoleResult {
  payments: number;
  seeded_seconds: number;
  /** Of the machine, while the pages were measured. */
  load: number | null;
  times: PageTimes | null;
  plans: PagePlans | null;
  mistakes: string[];
  reached: boolean;
}

export async function measureConsole(
  services: Services,
  undo: Undo,
  { parts, payments, rounds }: ConsoleOptions,
  say: (line: string) => void,
): Promise<ConsoleResult> {
  const stage = await openStage(services, undo);
  say(`console: ${payments} payments`);
  const big = await fillBigPayments(stage, payments, say);
  say(`  seeded in ${big.seconds.toFixed(0)} s`);
  const cookie = await signIn(stage.core);
  const pages = await listPages(stage, big);
  const result: ConsoleResult = {
    payments,
    seeded_seconds: Math.round(big.seconds),
    load: null,
    times: null,
    plans: null,
    mistakes: [],
    reached: true,
  };
  if (parts.includes('pages')) {
    say(`console: ${pages.length} pages, ${rounds} rounds, each page after a second of rest`);
    const env = { ...stage.env, ROLES: 'api,console' };
    const gateway = await startGateway({ env, logFile: path.join(stage.folder, 'console.log') });
    const visitor = visit(gateway.url, { cookie });
    const { apiKey, paymentId } = big.real;
    const merchant = visit(gateway.url, { authorization: `Bearer ${apiKey}` });
    const floor = { visitor: merchant, path: `/v1/payments/${paymentId}` };
    result.times = await measureTimes(visitor, floor, pages, rounds);
    result.load = Number(os.loadavg()[0]!.toFixed(1));
    await Promise.all([visitor.close(), merchant.close()]);
    await gateway.stop();
    for (const line of describeTimes(result.times)) say(`  ${line}`);
  }
  if (parts.includes('plans')) {
    say('console: plans; * is a full scan of a big table, ~ really reads many rows');
    result.plans = await measurePlans(stage, pages, cookie);
    for (const line of describePlans(result.plans)) say(`  ${line}`);
  }
  const { times, plans } = result;
  result.mistakes = [...(times?.mistakes ?? []), ...(plans?.mistakes ?? [])];
  result.reached = times?.reached !== false && plans?.reached !== false;
  return result;
}

/** For the end of a run. */
export function describeConsole({ payments, load, times, plans }: ConsoleResult): string[] {
  const lines = [];
  if (times !== null) {
    const held = times.pages.filter(({ is_held }) => is_held);
    const slowest = held.reduce((most, one) => (one.cold_ms > most.cold_ms ? one : most));
    const missed = held.filter(({ reached }) => !reached).map(({ name, cold_ms }) => `${name} ${cold_ms} ms`);
    const verdict = missed.length === 0 ? 'reached' : `NOT reached: ${missed.join(', ')}`;
    lines.push(
      `\nconsole, ${payments} payments, load ${load}: Home and Payments in at most ${limitMs} ms (median, nothing cached): slowest ${slowest.name}, ${slowest.cold_ms} ms, ${slowest.ratio} × the floor of ${times.floor_ms} ms: ${verdict}`,
    );
  }
  if (plans !== null) {
    const scans = plans.plans.filter(({ isFullScan }) => isFullScan);
    const found =
      scans.length === 0
        ? 'no full scan of a big table'
        : `FULL SCANS: ${scans.map(({ page, statement }) => `${page}: ${statement}`).join(', ')}`;
    lines.push(`\nconsole plans: ${plans.plans.length} different statements, ${found}`);
  }
  return lines;
}

// What a crash costs: a worker is killed with SIGKILL in the middle of a load, another one is started at once, and the
// clock runs until every delivery is delivered. What the dead one was sending waits for its leases of 45 s; that some of
// it arrives twice is at-least-once, that anything is missing is a mistake.

import { setTimeout as sleep } from 'node:timers/promises';
import { crash } from '../processes.ts';
import type { Setting } from './setting.ts';
import { waitForAll, waiting } from './throughput.ts';

export interface Recovery {
  deliveries: number;
  /** When the worker was killed. */
  arrived_before: number;
  leased: number;
  /** From the kill until all but what the dead worker had leased was delivered. */
  others_seconds: number | null;
  /** From the kill until everything was. */
  seconds: number;
  arrived_twice: number;
  reached: boolean;
  mistakes: string[];
}

export const recoveryTargetSeconds = 60;
const killAtShare = 0.35;
const patienceMs = 180_000;

export async function measureRecovery(setting: Setting, deliveries: number): Promise<Recovery> {
  const { stage, receiver } = setting;
  const mistakes: string[] = [];
  const first = await setting.startServer('worker');
  const held = await setting.hold(deliveries);
  await receiver.reset();
  await setting.release(held);
  const deadline = performance.now() + patienceMs;
  while ((await receiver.counts()).distinct < held.deliveries * killAtShare && performance.now() < deadline)
    await sleep(10);
  const killedAt = performance.now();
  await crash(first);
  const { distinct: arrivedBefore } = await receiver.counts();
  const leased = await stage.count("SELECT COUNT(*) FROM deliveries WHERE status = 'sending'");
  const elapsed = (): number => Number(((performance.now() - killedAt) / 1000).toFixed(1));
  const second = await setting.startServer('worker');
  let othersSeconds: number | null = null;
  while (othersSeconds === null && performance.now() < deadline) {
    const { distinct } = await receiver.counts();
    if (distinct >= held.deliveries - leased && (await stage.count(waiting)) <= leased) othersSeconds = elapsed();
    else await sleep(50);
  }
  if (!(await waitForAll(setting, held.deliveries, deadline))) mistakes.push('not everything was delivered');
  const seconds = elapsed();
  mistakes.push(...(await findLost(setting, held.at, held.deliveries)));
  if (leased === 0) mistakes.push('nothing was on its way when the worker was killed');
  const { repeated } = await receiver.counts();
  await second.stop();
  return {
    deliveries: held.deliveries,
    arrived_before: arrivedBefore,
    leased,
    others_seconds: othersSeconds,
    seconds,
    arrived_twice: repeated,
    reached: mistakes.length === 0 && seconds <= recoveryTargetSeconds,
    mistakes,
  };
}

async function findLost({ stage, receiver }: Setting, at: number, deliveries: number): Promise<string[]> {
  const { distinct, forged } = await receiver.counts();
  const delivered = await stage.count(
    "SELECT COUNT(*) FROM deliveries d WHERE created_at = ? AND status = 'delivered' AND EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.status_code = 204)",
    [at],
  );
  const mistakes = [];
  if (distinct !== deliveries) mistakes.push(`${deliveries - distinct} of ${deliveries} never arrived`);
  if (delivered !== deliveries) mistakes.push(`${deliveries - delivered} of ${deliveries} are not delivered`);
  if (forged > 0) mistakes.push(`${forged} signatures were wrong`);
  return mistakes;
}

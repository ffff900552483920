// When the payments of the past began: over eight days, by the hour of the day in Nairobi, a little more each day. And
// what each of them meets: a good day, but for half an hour in which Safaricom turned most of them away.

import type { Chance } from './chance.ts';
import { badHalfHour, goodDay, rare, type Scenario } from './outside.ts';

export const pastDays = 8;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const nairobiOffsetMs = 3 * hourMs;
/** The newest is so old: the present belongs to payments that are really made. */
const newestMs = 30_000;
/** The bad half hour began at ten minutes past one of these hours, and is over for some time. */
const badHours = [10, 19] as const;
const badForMs = 30 * minuteMs;
const overForMs = 3 * hourMs;
/** How much of all that is ever asked for each hour of the day sees, from midnight. */
const hours = [
  15, 8, 5, 5, 8, 25, 60, 110, 140, 150, 155, 160, 175, 170, 150, 140, 140, 155, 180, 170, 130, 90, 55, 30,
] as const;
const busiest = Math.max(...hours);
const growth = 0.2;
/** Between what is given in any case. */
const apartMs = 40 * minuteMs;

export interface PlannedPayment {
  createdAt: number;
  scenario: Scenario;
}

/** Oldest first. */
export function planPast(count: number, now: number, chance: Chance): PlannedPayment[] {
  const times = Array.from({ length: count }, () => timeOf(now, chance)).sort((left, right) => left - right);
  const badSince = badSinceOf(now);
  const planned = times.map((createdAt) => {
    const isBad = createdAt >= badSince && createdAt < badSince + badForMs;
    return { createdAt, scenario: scenarioOf(isBad ? badHalfHour : goodDay, now - createdAt, chance) };
  });
  for (const [number, scenario] of [...rare, ...goodDay.slice(1)].entries())
    giveOne(planned, scenario, now - scenario.leastAgeMs - minuteMs - number * apartMs);
  return planned;
}

function timeOf(now: number, chance: Chance): number {
  for (;;) {
    const age = newestMs + chance.random() * (pastDays * dayMs - newestMs);
    const at = now - age;
    const hour = Math.floor(((at + nairobiOffsetMs) % dayMs) / hourMs);
    const weight = (hours[hour]! / busiest) * (1 - growth * (age / (pastDays * dayMs)));
    if (chance.random() < weight) return Math.floor(at);
  }
}

/** The last one that is over. */
function badSinceOf(now: number): number {
  const midnight = now - ((now + nairobiOffsetMs) % dayMs);
  const begins = [midnight - dayMs, midnight].flatMap((day) => badHours.map((hour) => day + (hour + 1 / 6) * hourMs));
  return Math.max(...begins.filter((at) => at + badForMs + overForMs <= now));
}

/** One that is over by now. */
function scenarioOf(scenarios: readonly Scenario[], age: number, chance: Chance): Scenario {
  const over = scenarios.filter(({ leastAgeMs }) => leastAgeMs <= age);
  if (over.length === 0) return goodDay[0]!;
  return chance.weighted(over.map((scenario) => ({ weight: scenario.weight, is: scenario })));
}

/** Of those that simply went well, the last one before a time becomes one of these: even a short past has one of each. */
function giveOne(planned: PlannedPayment[], scenario: Scenario, before: number): void {
  const index = planned.findLastIndex((one) => one.scenario === goodDay[0] && one.createdAt <= before);
  if (index >= 0) planned[index] = { createdAt: planned[index]!.createdAt, scenario };
}

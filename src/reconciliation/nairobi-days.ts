// Days as books count them: Nairobi's, written YYYY-MM-DD, each beginning at 21:00 UTC of the day before (UTC+3 all year).

import { z } from 'zod';
import { startOfDay } from './line.ts';

const dayMs = 24 * 3_600_000;

/** Whether it is a day of the calendar, such as 2028-02-29. */
export function isDay(text: string): boolean {
  return z.iso.date().safeParse(text).success;
}

export function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00.000Z`) + dayMs).toISOString().slice(0, 10);
}

/** The first moment that is not in it any more. */
export function endOfDay(day: string): number {
  return startOfDay(day) + dayMs;
}

export function isOver(day: string, now: number): boolean {
  return endOfDay(day) <= now;
}

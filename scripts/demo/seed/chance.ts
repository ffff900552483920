// Chance that can be repeated: the same number gives the same past, but for its ids and receipts, which stay unique.
// And ids that say a time of the past, as if they had been made then.

import { type IdPrefix, idAt, newId } from '../../../src/platform/ids.ts';

export interface Chance {
  /** In [0, 1). */
  random(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  /** One of them, as often as its weight says. */
  weighted<T>(items: readonly { weight: number; is: T }[]): T;
  /** Above zero, around a middle; a spread of 0.5 leaves most within half and twice of it. */
  around(middle: number, spread: number): number;
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0;

  /** Mulberry32: small, and even enough for a picture. */
  function random(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  return {
    random,
    between: (least, most) => least + Math.floor(random() * (most - least + 1)),
    pick: (items) => items[Math.floor(random() * items.length)]!,
    weighted(items) {
      let left = random() * items.reduce((sum, { weight }) => sum + weight, 0);
      for (const { weight, is } of items) {
        left -= weight;
        if (left < 0) return is;
      }
      return items.at(-1)!.is;
    },
    around(middle, spread) {
      const bell = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return middle * Math.exp(spread * bell);
    },
  };
}

/** A new id as it would have been made at that time: ids sort by when their rows were made. */
export function idMadeAt(prefix: IdPrefix, at: number): string {
  const timeLength = prefix.length + 1 + 10;
  return idAt(prefix, Math.floor(at)).slice(0, timeLength) + newId(prefix).slice(timeLength);
}

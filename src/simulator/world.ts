// All that the parts of the simulator share: one object, made once by `simulator.ts` and handed down. Holding it
// together keeps each part a function of the world and its input.

import type { Cancel } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import type { AccountBook } from './account-book.ts';
import type { FaultDials } from './faults.ts';
import type { Ledger, Push } from './ledger.ts';
import type { OutcomeRules } from './outcomes.ts';
import type { PlannedCallback } from './plan-callbacks.ts';
import type { RecordFaults } from './record-faults.ts';
import type { Registry } from './registry.ts';
import type { Settings } from './settings.ts';
import type { Timers } from './timers.ts';

export interface World {
  readonly logger: Logger;
  /** Replaced as a whole when a switch changes. */
  settings: Settings;
  readonly timers: Timers;
  readonly ledger: Ledger;
  /** M-PESA's own record of what moved, from which C2B, Pull and the statements tell. */
  readonly book: AccountBook;
  readonly recordFaults: RecordFaults;
  readonly outcomes: OutcomeRules;
  readonly dials: FaultDials;
  readonly registry: Registry;
  /** A number from 0 to 1: the only chance in behaviour, seeded in tests. */
  readonly chance: () => number;
  /** What each open push will do next, by serial, so that an answer at the handset can call it off. */
  readonly nextSteps: Map<number, Cancel>;
  /** Callbacks and confirmations on their way. */
  readonly sending: Set<Promise<unknown>>;
  /** Callbacks that wait for another one to go first. */
  readonly held: { push: Push; callback: PlannedCallback }[];
  /** Moments of the last minute's queries, by consumer key. */
  readonly queryTimes: Map<string, number[]>;
  /** Browsers that listen for changes. */
  readonly listenerCount: { value: number };
}

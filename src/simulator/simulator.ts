// The simulator: Safaricom's Daraja as it really behaves (daraja.md, above all section 11), for tests, for the demo and
// for `lango simulator`. It moves no money and says so, believes anybody, and therefore refuses to exist where
// NODE_ENV is production. All state is in memory and bounded.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { AccountBook } from './account-book.ts';
import type { SimulatorControl } from './control.ts';
import { createControl, startSettings } from './control.ts';
import { FaultDials } from './faults.ts';
import { Ledger } from './ledger.ts';
import { OutcomeRules } from './outcomes.ts';
import { RecordFaults } from './record-faults.ts';
import { Registry } from './registry.ts';
import type { Settings } from './settings.ts';
import { realisticSettings } from './settings.ts';
import { createSimulatorHandler } from './simulator-routes.ts';
import { Timers } from './timers.ts';
import type { World } from './world.ts';

export interface SimulatorOptions {
  /** `plain` (the default) answers at once and the same way each time; `realistic` has Daraja's pace and moods. */
  pace?: 'plain' | 'realistic';
  /** Laid over the pace. */
  settings?: Partial<Settings>;
  /** 10 makes every delay ten times shorter, but not the time people have for a prompt. */
  speed?: number;
  /** Makes chance repeatable; ids and receipts stay unique whatever it is. */
  seed?: number;
}

export interface Simulator {
  /** Port 0 takes a free one. The address is loopback unless another is given. */
  listen(port: number, host?: string): Promise<{ url: string; port: number }>;
  close(): Promise<void>;
  /** What came in and what went out. */
  readonly ledger: Ledger;
  /** What the control API can do, without HTTP. */
  readonly control: SimulatorControl;
}

export interface SimulatorDeps {
  clock: Clock;
  logger: Logger;
  nodeEnv: string;
}

/** Throws where NODE_ENV is production, and a ZodError for settings that make no sense. */
export function createSimulator(deps: SimulatorDeps, options: SimulatorOptions = {}): Simulator {
  if (deps.nodeEnv === 'production') {
    throw new Error('The Daraja simulator does not run where NODE_ENV is production: it would take pretended money.');
  }
  const speed = options.speed ?? 1;
  if (!(speed > 0 && Number.isFinite(speed))) throw new RangeError('The speed of the simulator is a number above 0.');
  const settings = startSettings(options.pace === 'realistic' ? realisticSettings : undefined, options.settings);
  const world: World = {
    logger: deps.logger,
    settings,
    timers: new Timers(deps.clock, speed),
    ledger: new Ledger(),
    book: new AccountBook(),
    recordFaults: new RecordFaults(),
    outcomes: new OutcomeRules(),
    dials: new FaultDials(),
    registry: new Registry(),
    chance: createChance(options.seed ?? randomInt(2 ** 31)),
    nextSteps: new Map(),
    sending: new Set(),
    held: [],
    queryTimes: new Map(),
    listenerCount: { value: 0 },
  };
  const control = createControl(world, settings);
  const server = createServer(createSimulatorHandler(world, control));
  return {
    ledger: world.ledger,
    control,
    listen(port, host = '127.0.0.1') {
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          const { port: taken } = server.address() as AddressInfo;
          const name = host.includes(':') ? `[${host}]` : host;
          resolve({ url: `http://${name}:${taken}`, port: taken });
        });
      });
    },
    async close() {
      world.timers.close();
      await new Promise<void>((resolve) => {
        // An error only says that it was not listening.
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await control.callbacksDone();
    },
  };
}

/** mulberry32: small, seedable, and nothing secret hangs on it. */
function createChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

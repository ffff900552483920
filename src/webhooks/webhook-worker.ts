// The worker of webhooks: fans events out, claims what is due, sends it and writes down what came of it. A nudge makes
// it look at once; a sweep each second finds whatever a nudge forgot, gives back what a dead worker had taken, and keeps
// deliveries in step with their endpoints. Losing every nudge costs a second and nothing else (promise 6).

import { type Batcher, createBatcher } from '../platform/batcher.ts';
import type { Clock } from '../platform/clock.ts';
import { isDatabaseAway } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { createTurns, type Turns } from '../platform/turns.ts';
import { alignDeliveries } from './align-deliveries.ts';
import { type Claim, claimDeliveries, type Room } from './claim-deliveries.ts';
import { type DeliverDeps, deliverClaimed, type Flight } from './deliver-claimed.ts';
import { lanes } from './delivery.ts';
import { isSuspect } from './endpoint-health.ts';
import { fanOutEvents, fanOutSize } from './fan-out-events.ts';
import { type Finish, type Finished, finishDeliveries } from './finish-deliveries.ts';
import { lowLaneShare, mostInFlight } from './policy.ts';
import { reapLeases } from './reap-leases.ts';
import { continueReplays } from './replay-deliveries.ts';
import { type NoticeDeps, tellNotices } from './tell-notices.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

export type WebhookWorkerDeps = Omit<DeliverDeps, 'finish'> &
  NoticeDeps & {
    clock: Clock;
    logger: Logger;
    random(): number;
    metrics: WebhookMetrics;
  };

export interface WebhookWorker {
  /** Something was recorded or became due: look soon. Returns at once. */
  wake(endpointIds?: readonly string[]): void;
  /** The sweep: looks everywhere; does not wait for what it begins to send. */
  dispatch(): Promise<void>;
  /** {@link dispatch} until nothing is left to do now, waiting for all of it; how many attempts were made. */
  sweep(): Promise<number>;
  inFlight(): number;
  /** Takes nothing new and waits for what is under way. */
  drain(): Promise<void>;
}

/** More endpoints than this are not named one by one: then everything is looked at. */
const mostHot = 200;

export function createWebhookWorker(deps: WebhookWorkerDeps): WebhookWorker {
  const flights = new Map<Flight, Promise<void>>();
  /** Endpoints that may have something due. */
  const hot = new Set<string>();
  const complain = (thrown: unknown): void => complainOf(deps.logger, thrown);
  const turns = createTurns(() => turn(false), complain);
  const finisher: Batcher<Finish, Finished> = createBatcher((items) => finishDeliveries(deps, items), {
    maxSize: 200,
    maxInFlight: 1,
    failsTogether: isDatabaseAway,
  });

  function wake(endpointIds: readonly string[] = []): void {
    for (const id of endpointIds) hot.add(id);
    turns.ask();
  }

  async function turn(isSweep: boolean): Promise<void> {
    const { events, endpointIds } = await fanOutEvents(deps);
    for (const id of endpointIds) hot.add(id);
    if (isSweep) deps.metrics.sweepFound('events', events);
    // One batch a turn, so that a burst of events does not keep what is due waiting.
    if (events === fanOutSize) turns.ask();
    // Another round for the endpoints that the one before had no place for.
    while (await claimOnce(isSweep));
  }

  /** One claim; whether another may find more at once. */
  async function claimOnce(isSweep: boolean): Promise<boolean> {
    const looked = [...hot];
    hot.clear();
    try {
      const where = isSweep || looked.length > mostHot ? null : looked;
      const claim = await claimDeliveries(deps, roomBeside([...flights.keys()]), where);
      for (const id of claim.isFull ? looked : claim.unfinished) hot.add(id);
      if (isSweep) deps.metrics.sweepFound('deliveries', claim.deliveries.length);
      if (claim.deliveries.length > 0) begin(claim);
      return claim.isFull && claim.deliveries.length > 0;
    } catch (thrown) {
      for (const id of looked) hot.add(id);
      throw thrown;
    }
  }

  function begin({ leaseToken, deliveries }: Claim): void {
    const begun = deliveries.map(toFlight);
    deliverClaimed({ ...deps, finish: finisher.add }, leaseToken, begun, (flight, work) => {
      const landed = work.catch(complain).finally(() => {
        flights.delete(flight);
        wake([flight.endpoint.id]);
      });
      flights.set(flight, landed);
    });
  }

  const dispatch = (): Promise<void> =>
    turns.take(async () => {
      for (const id of await keepUp(deps)) hot.add(id);
      await turn(true);
    });

  return {
    wake,
    dispatch,
    sweep: () => sweepUntilDone(dispatch, flights, turns),
    inFlight: () => flights.size,
    async drain() {
      await turns.close();
      await Promise.all(flights.values());
      await finisher.drain();
    },
  };
}

/** Sweeps until nothing is left to do now; how many attempts were made. */
async function sweepUntilDone(
  dispatch: () => Promise<void>,
  flights: ReadonlyMap<Flight, Promise<void>>,
  turns: Turns,
): Promise<number> {
  let attempts = 0;
  for (;;) {
    await dispatch();
    if (flights.size === 0 && turns.isIdle()) return attempts;
    attempts += flights.size;
    await Promise.all(flights.values());
    await turns.ended();
  }
}

const toFlight = (claimed: Claim['deliveries'][number]): Flight => ({
  ...claimed,
  isSuspect: isSuspect(claimed.endpoint),
});

function complainOf(logger: Logger, thrown: unknown): void {
  if (isDatabaseAway(thrown)) logger.warn('webhooks.failed', { detail: messageOf(thrown) });
  else logger.error('webhooks.failed', { error: thrown });
}

function roomBeside(flights: readonly Flight[]): Room {
  const low = flights.filter(({ delivery }) => delivery.lane === lanes.low).length;
  const suspects = flights.filter((flight) => flight.isSuspect).length;
  return {
    slots: mostInFlight.perWorker - flights.length,
    lowSlots: Math.floor(mostInFlight.perWorker * lowLaneShare) - low,
    suspectSlots: mostInFlight.allSuspects - suspects,
  };
}

/** What only the sweep does; the endpoints that have something to be sent because of it. A fault in one part stops no other. */
async function keepUp(deps: WebhookWorkerDeps): Promise<string[]> {
  const found: string[] = [];
  const parts = [
    async () => deps.metrics.leasesExpired(await reapLeases(deps)),
    async () => void found.push(...(await alignDeliveries(deps)).released),
    async () => void found.push(...(await continueReplays(deps))),
    () => tellNotices(deps),
  ];
  for (const part of parts) {
    await part().catch((thrown) => {
      // While the database is away one line a second is enough.
      if (isDatabaseAway(thrown)) throw thrown;
      complainOf(deps.logger, thrown);
    });
  }
  return found;
}

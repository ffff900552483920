// The webhooks of the past: each event on its way to one endpoint, by the gateway's own rules of what an attempt makes of
// a delivery and of its endpoint. Nothing is sent. What is not over by now waits for its next attempt in the future.

import { type Attempt, afterAttempt, type Delivery } from '../../../src/webhooks/delivery.ts';
import { type Endpoint, isSubscribed } from '../../../src/webhooks/endpoint.ts';
import { type EndpointHealth, freshHealth, weighExchange } from '../../../src/webhooks/endpoint-health.ts';
import { newDelivery } from '../../../src/webhooks/fan-out-events.ts';
import { type Chance, idMadeAt } from './chance.ts';
import { answerOf, type Manner } from './past-answers.ts';

export interface PastEvent {
  id: string;
  type: string;
  createdAt: number;
  body: string;
}

export interface Told {
  delivery: Delivery;
  attempts: Attempt[];
}

export interface Teller {
  /** Null where the endpoint does not want to hear of it. */
  tell(event: PastEvent): Told | null;
  /** Whether it has said that it is gone. */
  isGone(): boolean;
  /** The endpoint as it is after all of it. */
  endpoint(): Endpoint;
}

export interface TellerOptions {
  manner: Manner;
  now: number;
  /** From when on a `gone` endpoint is gone. */
  goneAt: number;
  chance: Chance;
}

/** One in so many is never taken: it is tried for three days and given up. */
const refusedOneIn = 900;

export function createTeller(first: Endpoint, { manner, now, goneAt, chance }: TellerOptions): Teller {
  const heard: { at: number; attempt: Attempt; failures: number }[] = [];
  let isGone = false;

  function tell(event: PastEvent): Told | null {
    if (!isSubscribed(first, event.type)) return null;
    const takes = chance.between(1, refusedOneIn) === 1 ? 'no' : 'yes';
    const endpoint: Endpoint = isGone && event.createdAt >= goneAt ? { ...first, status: 'disabled' } : first;
    let delivery: Delivery = { ...newDelivery(event, endpoint, 'first'), id: idMadeAt('whd', event.createdAt) };
    const attempts: Attempt[] = [];
    while (delivery.status === 'pending' && delivery.dueAt !== null) {
      const startedAt = delivery.dueAt + chance.between(6, 60);
      const goes = manner === 'gone' && startedAt >= goneAt ? 'gone' : takes;
      const exchange = answerOf({ manner, eventId: event.id, body: event.body, takes: goes, startedAt }, chance);
      const endedAt = startedAt + exchange.durationMs;
      if (endedAt > now) break;
      const number = delivery.attemptCount + 1;
      const { id: deliveryId, tenantId, nextTrigger: trigger } = delivery;
      const attempt: Attempt = { deliveryId, tenantId, number, trigger, startedAt, exchange };
      attempts.push(attempt);
      heard.push({ at: endedAt, attempt, failures: delivery.step + 1 });
      isGone ||= goes === 'gone';
      const status = goes === 'gone' ? 'disabled' : 'enabled';
      const sent = { ...delivery, attemptCount: number };
      delivery = afterAttempt(sent, exchange, status, endedAt, chance.random());
    }
    return { delivery, attempts };
  }

  function endpoint(): Endpoint {
    let health: EndpointHealth = freshHealth;
    heard.sort((left, right) => left.at - right.at);
    for (const { at, attempt, failures } of heard)
      health = weighExchange(health, attempt.exchange, failures, at).health;
    // Whom it concerned was told of it then.
    const after = { ...first, ...health, notice: null };
    return isGone ? { ...after, status: 'disabled', disabledReason: 'gone', version: first.version + 1 } : after;
  }

  return { tell, isGone: () => isGone, endpoint };
}

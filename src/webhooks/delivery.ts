// One event on its way to one endpoint: its words, what an attempt makes of it (a pure rule), and the forms in which
// the API shows it and its attempts.

import { isoTime } from '../platform/clock.ts';
import { type AttemptError, type Exchange, ownFaults } from './attempt.ts';
import type { EndpointStatus } from './endpoint.ts';
import { pauseMs } from './endpoint-health.ts';
import { ownFaultDelayMs, retryDelayMs } from './policy.ts';

export const deliveryStatuses = ['pending', 'sending', 'delivered', 'held', 'dead', 'cancelled'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export const triggers = ['first', 'retry', 'manual', 'replay', 'test'] as const;
export type Trigger = (typeof triggers)[number];

/** What a person asked for, ahead of all; new events and their retries; with fewer slots, what is replayed or released. */
export const lanes = { asked: -1, normal: 0, low: 1 } as const;

/** Where it waits for its next attempt. A probe of an open breaker is thereby what was asked for, not what is oldest. */
export function laneOf({ lane, nextTrigger }: Pick<Delivery, 'lane' | 'nextTrigger'>): number {
  return nextTrigger === 'manual' || nextTrigger === 'test' ? lanes.asked : Math.max(lane, lanes.normal);
}

export interface Delivery {
  id: string;
  eventId: string;
  endpointId: string;
  tenantId: string;
  mode: string;
  type: string;
  status: DeliveryStatus;
  lane: number;
  /** Why the next attempt is made, or the last one was. */
  nextTrigger: Trigger;
  /** Attempts that have failed since the schedule began. */
  step: number;
  attemptCount: number;
  /** Pending: when it is to be sent. Sending: when the lease ends. Held: since when it waits. */
  dueAt: number | null;
  leaseToken: string | null;
  lastStatusCode: number | null;
  lastError: AttemptError | null;
  /** The last manual retry. */
  retriedAt: number | null;
  /** The event's own time. */
  createdAt: number;
  deliveredAt: number | null;
}

export interface Attempt {
  deliveryId: string;
  tenantId: string;
  /** From 1. */
  number: number;
  trigger: Trigger;
  startedAt: number;
  exchange: Exchange;
}

/** What an attempt makes of its delivery. @param random a number in [0, 1), for the jitter */
export function afterAttempt(
  delivery: Delivery,
  exchange: Exchange,
  endpointStatus: EndpointStatus,
  now: number,
  random: number,
): Delivery {
  const { error, statusCode } = exchange;
  const done = { ...delivery, leaseToken: null, lastStatusCode: statusCode, lastError: error };
  if (error === null) return { ...done, status: 'delivered', step: 0, dueAt: null, deliveredAt: now };
  const isOurs = ownFaults.has(error);
  const step = isOurs ? delivery.step : delivery.step + 1;
  const next = { ...done, status: statusAt(endpointStatus), nextTrigger: 'retry' as const, step };
  if (next.status === 'cancelled') return { ...next, dueAt: null };
  const delay = isOurs ? ownFaultDelayMs(delivery.attemptCount, error === 'interrupted') : retryDelayMs(step, random);
  // One that had arrived before and was sent again is no failure.
  if (delay === null) return { ...next, status: delivery.deliveredAt === null ? 'dead' : 'delivered', dueAt: null };
  return { ...next, dueAt: now + Math.max(delay, isOurs ? 0 : pauseMs(exchange)) };
}

/** What a delivery that waits is called, by the state of its endpoint. */
export function statusAt(endpointStatus: EndpointStatus): 'pending' | 'held' | 'cancelled' {
  if (endpointStatus === 'enabled') return 'pending';
  return endpointStatus === 'deleted' ? 'cancelled' : 'held';
}

/** @param waitUntil before this time its endpoint is sent nothing */
export function presentDelivery(delivery: Delivery, waitUntil: number | null, attempts?: readonly ShownAttempt[]) {
  const isWaiting = delivery.status === 'pending' && delivery.dueAt !== null;
  return {
    id: delivery.id,
    object: 'delivery',
    event: delivery.eventId,
    endpoint: delivery.endpointId,
    type: delivery.type,
    status: delivery.status,
    attempt_count: delivery.attemptCount,
    next_attempt_at: isWaiting ? isoTime(Math.max(delivery.dueAt ?? 0, waitUntil ?? 0)) : null,
    last_status_code: delivery.lastStatusCode,
    last_error: delivery.lastError,
    created_at: isoTime(delivery.createdAt),
    delivered_at: isoTime(delivery.deliveredAt),
    ...(attempts === undefined ? {} : { attempts: attempts.map(presentAttempt) }),
  };
}

/** An attempt as it was stored. */
export interface ShownAttempt {
  number: number;
  trigger: Trigger;
  startedAt: number;
  durationMs: number;
  statusCode: number | null;
  error: AttemptError | null;
  requestHeaders: Record<string, string>;
  responseHeaders: Record<string, string> | null;
  responseBody: string | null;
}

function presentAttempt(attempt: ShownAttempt): object {
  return {
    number: attempt.number,
    trigger: attempt.trigger,
    started_at: isoTime(attempt.startedAt),
    duration_ms: attempt.durationMs,
    status_code: attempt.statusCode,
    error: attempt.error,
    request_headers: attempt.requestHeaders,
    response_headers: attempt.responseHeaders,
    response_body: attempt.responseBody,
  };
}

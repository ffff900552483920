// For development in test mode: sends a tenant's events to one address as they are recorded, signed and in the very bytes
// of a delivery, and leaves nothing behind. There is no endpoint, no delivery and no retry: what the address answers is
// told and forgotten. Events are read straight from the database, so any process beside the servers can do it.

import { Webhook } from 'standardwebhooks';
import { readBodiesAcrossTenants, readEventsAfter } from '../events/event-store.ts';
import type { Db } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import type { Position } from '../platform/listing.ts';
import type { Sealer } from '../platform/sealing.ts';
import { findTenant } from '../tenants/tenant-store.ts';
import type { Exchange } from './attempt.ts';
import { checkEndpointUrl, type TargetRules } from './safe-target.ts';
import type { WebhookSender } from './send-webhook.ts';

export interface ListenDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** Made with {@link listenRules}. */
  sender: WebhookSender;
}

export interface ListenRequest {
  tenantId: string;
  url: string;
  secret: string;
  /** Null: all of them. */
  types: readonly string[] | null;
  /** Also what was recorded since then; null: only what is recorded from now on. */
  since: number | null;
}

export interface ForwardedEvent {
  id: string;
  type: string;
  /** The payment or the endpoint that it is about. */
  objectId: string;
  /** When it was recorded. */
  createdAt: number;
  exchange: Exchange;
}

export interface Listening {
  tenantName: string;
  /** Sends what is new, one after the other, oldest first. What it was broken off at comes again at the next call. */
  forwardNew(): AsyncGenerator<ForwardedEvent>;
}

/** The target is chosen by whoever runs the command, on a machine of their own: every network may be reached. */
export const listenRules: TargetRules = { allowNetworks: ['0.0.0.0/0', '::/0'], ownUrl: 'http://nowhere.invalid' };

/** Longer than a commit may come after the time in its rows, and than the clocks of servers may differ. */
const overlapMs = 20_000;
const pageSize = 500;

/** Null when it can sign, else one sentence that says what is wrong. */
export function checkSecret(secret: string): string | null {
  const advice = 'A secret is whsec_ and base64 of 24 to 64 bytes. Leave it out and a new one is made.';
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? '';
  const { length } = Buffer.from(encoded, 'base64');
  if (length < 24 || length > 64) return advice;
  try {
    new Webhook(secret);
    return null;
  } catch {
    return advice;
  }
}

/** Null when webhooks can be sent there, else one sentence that says what is wrong. */
export function checkListenUrl(url: string): string | null {
  return checkEndpointUrl(url, 'test', listenRules);
}

/** @throws AppError `not_found` when there is no such tenant */
export async function listenToEvents(deps: ListenDeps, request: ListenRequest): Promise<Listening> {
  const { tenantId, url, secret, types, since } = request;
  const tenant = await findTenant(deps.db, tenantId);
  if (tenant === undefined) throw new AppError('not_found', 'There is no tenant with this id.');
  const news = createNews(deps, tenantId, since ?? deps.now() - overlapMs);
  if (since === null) for await (const _before of news());

  async function* forwardNew(): AsyncGenerator<ForwardedEvent> {
    for await (const { id, type, objectId, createdAt } of news()) {
      if (types !== null && !types.includes(type)) continue;
      const body = (await readBodiesAcrossTenants(deps.db, deps.sealer, [id])).get(id);
      if (body === undefined) continue;
      const exchange = await deps.sender.send({ url, mode: 'test', eventId: id, body, secrets: [secret] });
      yield { id, type, objectId, createdAt, exchange };
    }
  }

  return { tenantName: tenant.name, forwardNew };
}

/**
 * Gives each event once. Events do not become visible in the order of their times (another process may commit later
 * what it began earlier), so each walk begins a little before the one before it and passes over what it has given.
 */
function createNews({ db, now }: ListenDeps, tenantId: string, start: number) {
  const given = new Map<string, number>();
  let from = start;
  return async function* news() {
    const beganAt = now();
    let after: Position = { createdAt: from, id: '' };
    for (let isFull = true; isFull; ) {
      const page = await readEventsAfter(db, tenantId, 'test', after, pageSize);
      for (const event of page) {
        if (given.has(event.id)) continue;
        yield event;
        given.set(event.id, event.createdAt);
      }
      after = page.at(-1) ?? after;
      isFull = page.length === pageSize;
    }
    from = Math.max(from, beganAt - overlapMs);
    for (const [id, createdAt] of given) if (createdAt < from) given.delete(id);
  };
}

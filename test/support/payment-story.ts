// One tenant's payments as a test tells their story: what the API shows, what the timeline says, what reached the
// simulator. Each story has a tenant and a shortcode of its own, so that a breaker or a pacer that one test trips is not
// the next one's.

import { expect } from 'chai';
import type { CallbackClaim } from '../../src/simulator/control.ts';
import type { Push, ReceivedPush, SentCallback } from '../../src/simulator/ledger.ts';
import {
  type Answer,
  type CallOptions,
  freshPhone,
  isProductionProfile,
  type TestGateway,
  type TestTenant,
} from './build-gateway.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Body = any;

export interface TimelineEntry {
  kind: 'transition' | 'evidence';
  from?: string | null;
  to?: string;
  cause?: string;
  source?: string;
  strength?: string | null;
  verdict?: string;
  detail?: string | null;
  receipt?: string | null;
  result_code?: string | null;
}

export interface Story {
  tenant: TestTenant;
  /** POST /v1/payments that must answer 201; the payment. */
  pay(body?: Record<string, unknown>, options?: CallOptions): Promise<Body>;
  call(path: string, options?: CallOptions): Promise<Answer>;
  read(paymentId: string): Promise<Body>;
  /** Reads until the status is there, while the sweep runs; at most five real seconds. */
  until(paymentId: string, isEnough: string | ((payment: Body) => boolean)): Promise<Body>;
  timeline(paymentId: string): Promise<TimelineEntry[]>;
  /** Verdicts of one source's evidence, oldest first. */
  verdicts(paymentId: string, source: string): Promise<string[]>;
  /** Statuses in the order in which they came. */
  statuses(paymentId: string): Promise<string[]>;
  /** Types of the events of a payment, oldest first. */
  events(paymentId: string): Promise<string[]>;
}

export async function beginStory(app: TestGateway, tenant?: TestTenant): Promise<Story> {
  const own = tenant ?? (await app.addTenant());
  return tellStory(app, own);
}

export function tellStory(app: TestGateway, tenant: TestTenant): Story {
  const call = (path: string, options: CallOptions = {}): Promise<Answer> =>
    app.call(path, { key: tenant.key, ...options });
  const read = async (paymentId: string): Promise<Body> => (await call(`/v1/payments/${paymentId}`)).body;
  const timeline = async (paymentId: string): Promise<TimelineEntry[]> =>
    (await call(`/v1/payments/${paymentId}/timeline`)).body.data;
  return {
    tenant,
    call,
    read,
    timeline,
    async pay(body = {}, options = {}) {
      const made = await app.pay(body, { key: tenant.key, ...options });
      expect(made.status, made.text).to.equal(201);
      return made.body;
    },
    async until(paymentId, isEnough) {
      const wanted = typeof isEnough === 'string' ? (payment: Body) => payment.status === isEnough : isEnough;
      const deadline = Date.now() + 20_000;
      for (;;) {
        const payment = await read(paymentId);
        if (wanted(payment)) return payment;
        if (Date.now() > deadline) throw new Error(`the payment did not get there: ${JSON.stringify(payment)}`);
        await app.advance(0);
      }
    },
    async verdicts(paymentId, source) {
      const found = (await timeline(paymentId)).filter((entry) => entry.source === source);
      return found.map(({ verdict }) => verdict ?? '');
    },
    async statuses(paymentId) {
      const found = (await timeline(paymentId)).filter(({ kind }) => kind === 'transition');
      return found.map(({ to }) => to ?? '');
    },
    async events(paymentId) {
      const { body } = await call('/v1/events?limit=100');
      const own = body.data.filter((event: Body) => event.data.id === paymentId);
      return own
        .sort((left: Body, right: Body) => left.data.version - right.data.version)
        .map(({ type }: Body) => type);
    },
  };
}

/** Calls of processrequest for one phone, refused ones too. */
export function received(app: TestGateway, phone: string): ReceivedPush[] {
  return app.simulator.ledger.received.filter(({ body }) => (body as { PhoneNumber?: string }).PhoneNumber === phone);
}

/** Pushes the simulator took for one phone: prompts that may have been shown. */
export function taken(app: TestGateway, phone: string): readonly Push[] {
  return app.simulator.ledger.pushesOf(phone);
}

export function callbackUrlOf(app: TestGateway, phone: string): string {
  const last = received(app, phone).at(-1)?.body as { CallBackURL: string } | undefined;
  if (last === undefined) throw new Error(`no push to ${phone} was received`);
  return last.CallBackURL;
}

/** The simulator sends a callback now; what the claim leaves out is the truth. */
export function sendCallback(app: TestGateway, phone: string, claim: CallbackClaim = {}): Promise<SentCallback> {
  return app.simulator.control.sendCallback({ phone }, claim);
}

/** A phone whose push is accepted and of which nothing is ever heard again. */
export function silentPhone(app: TestGateway): string {
  const phone = freshPhone();
  app.simulator.control.setOutcome({ phone, code: 'silent' });
  return phone;
}

/** Works off what is due and waits until no worker works and no callback is on its way. */
export async function rest(app: TestGateway): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    await app.advance(0);
    if (app.gateway.worker.inFlight() === 0) return;
    if (Date.now() > deadline) throw new Error('the worker does not come to rest');
  }
}

/** Comes to rest, moves the clock, and comes to rest again: what a nudge began is not overtaken by the clock. */
export async function move(app: TestGateway, ms: number): Promise<void> {
  await rest(app);
  await app.clock.advance(ms);
  await rest(app);
}

/** For a gateway that only lends its database and simulator to the one beside it: it must not take its nudges. */
export const idle: Record<string, string> = isProductionProfile ? { ROLES: 'api' } : {};

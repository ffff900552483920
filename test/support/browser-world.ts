// A gateway on whose console every page has something to show: payments in every state, webhooks that fail, callbacks
// that are forged, approvals that wait, keys and operators of every kind. Everything that a stranger can write somewhere
// is an attempt to run a script; a page that shows one as anything but text is broken.

import { countTransitions } from '../../src/payments/hourly-stats-relay.ts';
import { createHeartbeat } from '../../src/platform/worker-store.ts';
import { renameTenant, revokeKey } from '../../src/tenants/manage-tenants.ts';
import { type BookIds, fillBooks } from './browser-books.ts';
import { tellPeople } from './browser-people.ts';
import type { TestTenant } from './build-gateway.ts';
import { signedIn, type Visitor } from './console-visitor.ts';
import { addKey, beginPausedStory, endPayment, pendingPayment } from './payment-states.ts';
import { beginStory, move, rest, type Story, sendCallback } from './payment-story.ts';
import { answers } from './webhook-receiver.ts';
import { day, hour, minute, type Stage, setStage } from './webhook-stage.ts';

/** Each breaks out of an attribute and makes an element that nothing of ours has. */
export const evil = {
  /** Runs scripts by two ways, where a page lets it. */
  long: `"'><xss-try></xss-try><script>alert(1)</script><img src=x onerror=alert(2)>{{title}}&lt;`,
  /** A key of metadata has 40 characters. */
  key: `"'><xss-try><img src=x onerror=alert(3)>`,
  /** A reference has 12; the API takes none of these signs, so they come another way. */
  reference: '"><xss-try>',
  description: `'><xss-try>`,
  /** An address keeps these signs in its query. */
  query: `'xss-try`,
  email: `"'><xss-try>@lango.example`,
};

export interface World {
  stage: Stage;
  /** Of all tenants, with a fresh code. */
  owner: Visitor;
  /** Of one tenant, whose things go well. */
  keeper: Visitor;
  /** A worker says that it lives; of one that has not for half a minute every page says so. */
  beat(): Promise<void>;
  /** What belongs to the tenant that writes evil texts. */
  ids: Record<
    | 'tenant'
    | 'shortcode'
    | 'key'
    | 'operator'
    | 'payment'
    | 'review'
    | 'unsure'
    | 'approval'
    | 'unreadable'
    | 'forged'
    | 'endpoint'
    | 'delivery'
    /** A delivery whose page fails: the body in the database cannot be opened. */
    | 'broken',
    string
  > &
    BookIds;
  close(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  const stage = await setStage();
  try {
    return await fill(stage);
  } catch (thrown) {
    await stage.close();
    throw thrown;
  }
}

async function fill(stage: Stage): Promise<World> {
  const { app } = stage;
  const shop = await beginStory(app, app.tenant);
  const stranger = await app.addTenant({ shortcode: '654321' });
  await renameTenant(app.gateway.core, stranger.id, evil.long);
  const story = await beginStory(app, stranger);
  const webhooks = await failWebhooks(stage, stranger, story);
  await takePayments(stage, shop);
  const payments = await takeEvilPayments(stage, story);
  const key = await makeKeys(stage, stranger);
  const owner = await signedIn(app, { role: 'owner' });
  const operator = await makeOperators(stage, stranger);
  const approval = await askApproval(stage, stranger, payments.review);
  await actWithReasons(stranger, owner);
  const books = await fillBooks(app, stranger, payments, evil.long);
  const keeper = await signedIn(app, { role: 'viewer', tenantId: app.tenant.id });
  const { db, now } = app.gateway.core;
  while ((await countTransitions(app.gateway.core)) > 0);
  await app.clock.advance(1100);
  const { beat } = createHeartbeat(db, now);
  await beat();
  const ids = {
    tenant: stranger.id,
    shortcode: stranger.shortcodeId,
    key,
    operator,
    approval,
    ...webhooks,
    ...payments,
    ...books,
  };
  return { stage, owner, keeper, beat, ids, close: () => stage.close() };
}

/** An endpoint that answers evil until its deliveries are given up, one that works, one that is paused. */
async function failWebhooks(stage: Stage, stranger: TestTenant, story: Story) {
  const answer = answers.status(500, { 'content-type': 'text/html', 'x-evil': evil.key }, evil.long.repeat(20));
  const failing = await stage.target(answer, { tenant: stranger, url: ({ url }) => `${url}/hook?x=${evil.query}` });
  await failing.change({ description: evil.long });
  const good = await stage.target();
  await good.change({ description: 'Orders, in the cloud of the shop, behind two proxies and a queue' });
  await endPayment(stage.app, story, '0', { amount: 2500 });
  await stage.happen(3, { tenant: stranger });
  await stage.happen(4);
  await stage.live(4 * day);
  const paused = await stage.target();
  await paused.change({ status: 'paused' });
  await stage.happen(2);
  await stage.happen(2, { tenant: stranger });
  await stage.live(2 * hour);
  const [delivery] = await failing.deliveries('&status=dead');
  const [broken] = await good.deliveries();
  const { db } = stage.app.gateway.core;
  const { event_id } = await db('deliveries').where({ id: broken.id }).first('event_id');
  await db('events').where({ id: event_id }).update({ body_sealed: 'not sealed' });
  return { endpoint: failing.id, delivery: delivery.id as string, broken: broken.id as string };
}

/** A shop as it is on any day: paid, declined, waiting, late and unsure. */
async function takePayments({ app }: Stage, shop: Story): Promise<void> {
  const items = [
    ['0', 'ORDER-1001', 1250],
    ['0', 'ORDER-1002', 84_200],
    ['1032', 'ORDER-1003', 300],
    ['1', 'ORDER-1004', 250_000],
    ['2001', 'ORDER-1005', 75],
    ['1037', 'ORDER-1006', 990],
    ['2028', 'ORDER-1007', 990],
  ] as const;
  for (const [code, reference, amount] of items) await endPayment(app, shop, code, { reference, amount });
  const late = await endPayment(app, shop, '1032', { reference: 'LATE-1', amount: 640 });
  await sendCallback(app, late.phone, { resultCode: '0' });
  await pendingPayment(app, shop, { reference: 'UNSURE-1', amount: 12_000 });
  await move(app, 40 * minute);
  await endPayment(app, shop, '0', {
    reference: 'ORDER-1008',
    amount: 18,
    metadata: { till: '4', cashier: 'Wanjiku' },
  });
  await pendingPayment(app, shop, { reference: 'WAIT-1', amount: 5000 });
  const held = await beginPausedStory(app);
  await held.pay({ reference: 'HELD-1', amount: 410 });
  await rest(app);
}

/** Payments whose texts, callbacks and metadata are evil. */
async function takeEvilPayments(stage: Stage, story: Story) {
  const { app } = stage;
  const { db } = app.gateway.core;
  const metadata = { [evil.key]: evil.long, note: 'a-very-long-word-without-any-place-to-break-it-'.repeat(8) };
  const disguise = (id: string): Promise<unknown> =>
    db('payments').where({ id }).update({ reference: evil.reference, description: evil.description });
  const paid = await endPayment(app, story, '0', { metadata, amount: 150 });
  const unsure = await pendingPayment(app, story, { metadata, amount: 700 });
  const review = await pendingPayment(app, story, { metadata, amount: 10_000 });
  const bodyOf = (fields: object): string => JSON.stringify({ Body: { stkCallback: fields } });
  await sendCallback(app, unsure.phone, { body: `${evil.long} is not JSON` });
  await sendCallback(app, unsure.phone, { body: JSON.stringify({ [evil.long]: evil.long }) });
  await sendCallback(app, unsure.phone, { checkoutRequestId: `ws_CO_06102026141530412${unsure.phone.slice(3)}` });
  await sendCallback(app, review.phone, { amount: 1000 });
  await rest(app);
  const declined = await pendingPayment(app, story, { metadata });
  const names = { MerchantRequestID: declined.merchant_request_id, CheckoutRequestID: declined.checkout_request_id };
  await sendCallback(app, declined.phone, { body: bodyOf({ ...names, ResultCode: 1032, ResultDesc: evil.long }) });
  await move(app, 6 * minute);
  for (const { id } of [paid, unsure, review, declined]) await disguise(id);
  const evidence = (verdict: string): Promise<{ id: string }> =>
    db('evidence').where({ payment_id: unsure.id, source: 'callback', verdict }).first('id');
  const [unreadable, forged] = [await evidence('unreadable'), await evidence('forged_ids')];
  return { payment: paid.id, unsure: unsure.id, review: review.id, unreadable: unreadable.id, forged: forged.id };
}

async function makeKeys({ app }: Stage, stranger: TestTenant): Promise<string> {
  const { id } = await addKey(app, stranger, {
    name: evil.long.slice(0, 80),
    allowedIps: ['10.0.0.0/8', '41.90.0.0/16'],
  });
  await addKey(app, app.tenant, { name: 'Booking app, server 2', expiresInDays: 9, scopes: ['payments:read'] });
  const lost = await addKey(app, app.tenant, { name: 'Laptop of a colleague who left' });
  await revokeKey(app.gateway.core, lost.id);
  return id;
}

/** One with an evil address who looks in with an evil browser, and one who is shut out. */
async function makeOperators({ app }: Stage, stranger: TestTenant): Promise<string> {
  const { db } = app.gateway.core;
  const { id } = await tellPeople(app).person('operator', { email: evil.email, tenantId: stranger.id });
  const { sessionId } = await signedIn(app);
  await db('sessions').where({ id: sessionId }).update({ operator_id: id, user_agent: evil.key });
  const shutOut = await signedIn(app, { role: 'viewer' });
  await db('operators').where({ id: shutOut.operator.id }).update({ status: 'disabled' });
  return id;
}

/** Asked in the console by an operator of the tenant, in evil words. */
async function askApproval({ app }: Stage, stranger: TestTenant, paymentId: string): Promise<string> {
  const operator = await signedIn(app, { role: 'operator', tenantId: stranger.id });
  const { version } = await app.gateway.core.db('payments').where({ id: paymentId }).first('version');
  const resolution = { to: 'succeeded', receipt: 'UJ6ABC1234', code: 'in_statement', reason: evil.long };
  const fields = { version: String(version), ...resolution };
  const asked = await operator.post(`/console/payments/${paymentId}/resolve?mode=test`, fields);
  const [, id] = /approvals\/(apr_\w+)/.exec(asked.headers.get('location') ?? '') ?? [];
  if (id === undefined) throw new Error(`no approval was asked for: ${asked.status} ${asked.html}`);
  return id;
}

/** Rows of the audit log whose reasons are evil. */
async function actWithReasons(stranger: TestTenant, owner: Visitor): Promise<void> {
  const path = `/console/shortcodes/${stranger.shortcodeId}/status?mode=test`;
  for (const status of ['paused', 'active']) {
    const { status: answered, html } = await owner.post(path, { status, reason: evil.long });
    if (answered !== 302) throw new Error(`the shortcode is not ${status}: ${html}`);
  }
}

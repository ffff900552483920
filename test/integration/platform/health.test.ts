// /healthz, /readyz and /metrics: alive, able to serve, and what is counted. They need no key and name no tenant.

import { expect } from 'chai';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';
import { endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, move } from '../../support/payment-story.ts';

describe('health', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  const metric = async (line: RegExp): Promise<number> => {
    const { text } = await app.call('/metrics', { key: '' });
    const found = text.split('\n').find((one) => line.test(one));
    return found === undefined ? 0 : Number(found.split(' ').at(-1));
  };

  it('/healthz says that the process lives', async () => {
    const { status, body } = await app.call('/healthz', { key: '' });
    expect(status).to.equal(200);
    expect(body).to.deep.equal({ status: 'ok' });
  });

  it('/readyz is 503 while no worker is alive, 200 with one, and 503 again 30 s after its last beat', async () => {
    const { db } = app.gateway.core;
    const ready = () => app.call('/readyz', { key: '' });
    const alone = await ready();
    expect(alone.status).to.equal(503);
    expect(alone.body.status).to.equal('not_ready');
    expect(alone.body.checks.workers).to.match(/no worker is alive/);
    const heartbeat = createHeartbeat(db, () => app.clock.now());
    await heartbeat.beat();
    const served = await ready();
    expect(served.status).to.equal(200);
    const checks = { database: 'ok', migrations: 'ok', workers: 'ok', ...(isProductionProfile ? { redis: 'ok' } : {}) };
    expect(served.body).to.deep.equal({ status: 'ok', checks });
    await app.clock.advance(30_000);
    expect((await ready()).status).to.equal(503);
    await heartbeat.beat();
    expect((await ready()).status).to.equal(200);
    await heartbeat.end();
    expect((await ready()).status).to.equal(503);
  });

  it('/metrics counts payments by status and reason, and evidence by source and verdict', async () => {
    const story = await beginStory(app);
    const before = {
      succeeded: await metric(/^lango_payments_total\{status="succeeded"/),
      cancelled: await metric(/^lango_payments_total\{status="cancelled",failure_code="cancelled_by_customer"/),
      queued: await metric(/^lango_payments_total\{status="queued"/),
      applied: await metric(/^lango_evidence_total\{source="callback",verdict="applied"/),
      repeated: await metric(/^lango_evidence_total\{source="callback",verdict="repeated"/),
    };
    const paid = await endPayment(app, story, '0');
    await endPayment(app, story, '1032');
    await app.simulator.control.sendCallback({ phone: paid.phone });
    expect(await metric(/^lango_payments_total\{status="succeeded"/)).to.equal(before.succeeded + 1);
    expect(await metric(/^lango_payments_total\{status="cancelled",failure_code="cancelled_by_customer"/)).to.equal(
      before.cancelled + 1,
    );
    expect(await metric(/^lango_payments_total\{status="queued"/)).to.equal(before.queued + 2);
    expect(await metric(/^lango_evidence_total\{source="callback",verdict="applied"/)).to.equal(before.applied + 2);
    expect(await metric(/^lango_evidence_total\{source="callback",verdict="repeated"/)).to.equal(before.repeated + 1);
    expect(await metric(/^lango_push_seconds_count\{outcome="accepted"/)).to.be.at.least(2);
  });

  it('/metrics shows what is in flight, and how old the oldest unknown is', async () => {
    const story = await beginStory(app);
    const pending = await pendingPayment(app, story, { expires_in: 60 });
    expect(await metric(/^lango_payments_in_flight\{status="pending"/)).to.be.at.least(1);
    await move(app, 60_000);
    await story.until(pending.id, 'unknown');
    expect(await metric(/^lango_payments_in_flight\{status="unknown"/)).to.be.at.least(1);
    expect(await metric(/^lango_payment_oldest_unknown_seconds/)).to.be.at.least(60);
  });

  it('/metrics has no label that names a tenant, a payment, a shortcode or a phone', async () => {
    const story = await beginStory(app);
    const paid = await endPayment(app, story, '0');
    const { text } = await app.call('/metrics', { key: '' });
    for (const value of [story.tenant.id, story.tenant.shortcodeId, paid.id, paid.phone, '174379'])
      expect(text).to.not.include(value);
  });
});

// What `npm run demo -- --seed N` and the pictures in README stand on: a past that was written straight into the database
// must be one that the gateway could have written, down to the statistics, and must leave a running gateway in peace.

import { expect } from 'chai';
import { type Past, seedPast } from '../../scripts/demo/seed/seed-past.ts';
import { phoneIndex } from '../../src/payments/create-payment.ts';
import { beginRebuild, countTransitions, rebuildStep } from '../../src/payments/hourly-stats-relay.ts';
import { assertTransition, type Payment, type Status } from '../../src/payments/payment.ts';
import { type Row, toPayment } from '../../src/payments/payment-row.ts';
import { verifyAudit } from '../../src/platform/audit-store.ts';
import { buildGateway, type TestGateway } from '../support/build-gateway.ts';
import { signedIn, type Visitor } from '../support/console-visitor.ts';

const count = 300;
const path = '/console/payments';
const statsKey = ['tenant_id', 'mode', 'minutes', 'starts_at', 'shortcode_id', 'outcome', 'failure_code', 'latency'];

describe('a past that was seeded', function () {
  this.timeout(60_000);
  let app: TestGateway;
  let past: Past;
  let owner: Visitor;
  let payments: Payment[];
  const told: string[] = [];

  before(async () => {
    app = await buildGateway();
    const { core } = app.gateway;
    past = await seedPast(core, {
      payments: count,
      mode: 'test',
      endpointUrl: (name) => `https://${name}.example.com/hook`,
      onProgress: ({ done, total, what }) => void told.push(`${done} of ${total} ${what}`),
    });
    owner = await signedIn(app, { role: 'owner' });
    const rows: Row[] = await core.db('payments').orderBy('id');
    payments = rows.map((row) => toPayment(row, core.sealer));
  });
  after(() => app.close());

  const db = () => app.gateway.core.db;
  const newest = (isIt: (payment: Payment) => boolean): Payment => payments.findLast(isIt)!;
  const paid = (): Payment => newest(({ status, confirmedBy }) => status === 'succeeded' && confirmedBy === 'callback');
  const pageOf = async ({ id, tenantId }: Payment): Promise<string> => {
    const { status, html } = await owner.get(`${path}/${id}?tenant=${tenantId}&mode=test`);
    expect(status).to.equal(200);
    return html;
  };

  it('has as many payments as were asked for, most of them paid, and one at least of every outcome', () => {
    expect(payments).to.have.length(count);
    expect(told).to.include(`${count} of ${count} payments`);
    const statuses = payments.map(({ status }) => status);
    expect(statuses.filter((status) => status === 'succeeded').length / count).to.be.within(0.75, 0.97);
    expect(new Set(statuses)).to.have.all.keys([
      'succeeded',
      'failed',
      'cancelled',
      'expired',
      'unknown',
      'needs_review',
    ]);
    const flags = new Set(payments.flatMap((payment) => payment.flags));
    expect(flags).to.have.all.keys(['late', 'amount_mismatch', 'receipt_missing']);
    const { now } = app.gateway.core;
    for (const { createdAt } of payments) expect(now() - createdAt).to.be.within(0, 8 * 86_400_000);
  });

  it('each payment went from one status to the next as the table allows, and stands where the last one led', async () => {
    const transitions = await db()('payment_transitions').orderBy(['payment_id', 'version']);
    for (const payment of payments) {
      const own = transitions.filter(({ payment_id }) => payment_id === payment.id);
      let status: Status = 'queued';
      let version = 1;
      let at = payment.createdAt;
      for (const step of own) {
        expect(step.from_status).to.equal(status);
        assertTransition(status, step.to_status);
        expect(step.version).to.be.greaterThan(version);
        expect(step.at).to.be.at.least(at);
        ({ to_status: status, version, at } = step);
      }
      expect(status, payment.id).to.equal(payment.status);
      expect(version).to.be.at.most(payment.version);
      expect(at).to.be.at.most(app.gateway.core.now());
    }
  });

  it('phones are sealed and found by their index, receipts belong to their payments, ids sort by time', async () => {
    const { blindIndex } = app.gateway.core.dataKeys;
    const rows = await db()('payments').orderBy('id').select('phone_index', 'phone_tail', 'created_at');
    for (const [index, { phone }] of payments.entries()) {
      expect(rows[index].phone_index).to.equal(phoneIndex(phone, blindIndex));
      expect(rows[index].phone_tail).to.equal(phone.slice(-3));
    }
    const times = rows.map(({ created_at }) => created_at);
    expect(times).to.deep.equal([...times].sort((left, right) => left - right));
    const receipts = await db()('receipts').pluck('receipt');
    const shown = payments.flatMap(({ mpesaReceipt }) => mpesaReceipt ?? []);
    expect(new Set(receipts)).to.deep.equal(new Set(shown));
  });

  it('a payment is gone to by its receipt, and found by its phone and by its reference', async () => {
    const { id, phone, reference, mpesaReceipt } = paid();
    const find = (text: string | null) => owner.get(`${path}?mode=test&q=${encodeURIComponent(text ?? '')}`);
    const byReceipt = await find(mpesaReceipt);
    expect(byReceipt.status).to.equal(302);
    expect(byReceipt.headers.get('location')).to.contain(id);
    for (const text of [phone, `0${phone.slice(3)}`, reference]) expect((await find(text)).html, text).to.contain(id);
  });

  it('its page tells what happened, with the raw exchanges and its webhook', async () => {
    const payment = paid();
    const html = await pageOf(payment);
    expect(html).to.contain(payment.mpesaReceipt).and.contain('M-PESA accepted the push');
    expect(html).to.contain('MpesaReceiptNumber').and.contain('payment.succeeded');
    expect(html).not.to.contain(payment.phone);
    expect(await pageOf(newest(({ flags }) => flags.includes('late')))).to.contain('Paid late');
    expect(await pageOf(newest(({ flags }) => flags.includes('amount_mismatch')))).to.contain('Needs review');
  });

  it('the API tells its merchant the same', async () => {
    const payment = paid();
    const { apiKey: key } = past.merchants.find(({ tenantId }) => tenantId === payment.tenantId)!;
    const { status, body } = await app.call(`/v1/payments/${payment.id}/timeline`, { key });
    expect(status).to.equal(200);
    const entries: string[] = body.data.map((entry: { to?: string; source?: string }) => entry.to ?? entry.source);
    expect(entries).to.deep.equal(['queued', 'submitting', 'push', 'pending', 'callback', 'succeeded']);
  });

  it('every event has a delivery to each endpoint that wants it, with the attempts that it says', async () => {
    const endpoints = past.merchants.flatMap((merchant) => merchant.endpoints.map(({ endpoint }) => endpoint));
    const events = await db()('events').select('id', 'tenant_id', 'type');
    const deliveries = await db()('deliveries');
    const wanted = events.flatMap((event) =>
      endpoints
        .filter(({ tenantId, types }) => tenantId === event.tenant_id && types.includes(event.type))
        .map(({ id }) => `${event.id} ${id}`),
    );
    const made = deliveries.map(({ event_id, endpoint_id }) => `${event_id} ${endpoint_id}`);
    expect(made.sort()).to.deep.equal(wanted.sort());
    const attempts: string[] = await db()('attempts').pluck('delivery_id');
    for (const { id, attempt_count, status } of deliveries) {
      expect(attempts.filter((deliveryId) => deliveryId === id)).to.have.length(attempt_count);
      expect(status, 'nothing is being sent').not.to.equal('sending');
    }
    const { id } = deliveries.find(({ status }) => status === 'delivered')!;
    const page = await owner.get(`/console/deliveries/${id}?mode=test`);
    expect(page.status).to.equal(200);
    expect(page.html).to.contain('webhook-id').and.contain('&quot;type&quot;: &quot;payment.');
  });

  it('the statistics are the ones that counting anew comes to', async () => {
    const { core } = app.gateway;
    const read = async () => ({
      spans: await db()('hourly_stats').orderBy(statsKey),
      pushes: await db()('push_minutes').orderBy(['shortcode_id', 'outcome', 'starts_at', 'code']),
    });
    const before = await read();
    expect(
      before.spans.reduce((sum, row) => sum + (row.tenant_id === '' && row.minutes === 60 ? row.count : 0), 0),
    ).to.equal(count);
    expect(await beginRebuild(core)).to.equal('begun');
    for (let step = await rebuildStep(core); step.state !== 'done'; ) step = await rebuildStep(core);
    expect(await countTransitions(core)).to.equal(0);
    expect(await read()).to.deep.equal(before);
  });

  it('who made the merchants is in the audit log, whose chain holds', async () => {
    const { core } = app.gateway;
    const verdict = await verifyAudit(core.db, core.dataKeys.audit);
    expect(verdict.isIntact).to.equal(true);
    const actions: string[] = await db()('audit_log').pluck('action');
    expect(actions).to.include.members(['tenant.created', 'shortcode.added', 'key.created']);
  });

  it('a gateway that runs finds nothing of it to do', async () => {
    const before = await db()('payments').orderBy('id').select('id', 'version', 'due_at');
    const told = await db()('deliveries').orderBy('id').select('id', 'status', 'attempt_count');
    expect(await app.gateway.worker.sweep()).to.equal(0);
    await app.advance(0);
    expect(await db()('payments').orderBy('id').select('id', 'version', 'due_at')).to.deep.equal(before);
    expect(await db()('deliveries').orderBy('id').select('id', 'status', 'attempt_count')).to.deep.equal(told);
    expect(app.simulator.ledger.received).to.have.length(0);
  });

  it('Home, Needs attention and the endpoints show it', async () => {
    for (const page of ['/console', '/console/attention', '/console/webhooks', '/console/callbacks']) {
      const { status, html } = await owner.get(`${page}?mode=test`);
      expect(status, page).to.equal(200);
      expect(html).to.contain('Duka la Amina');
    }
  });
});

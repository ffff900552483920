// What reconciliation finds is told: a receipt that M-PESA's record fills in arrives as `payment.updated`, and a payment
// that it settles late as `payment.succeeded` with its flag, as webhooks with the payment as it then is.

import { expect } from 'chai';
import { readDenial } from '../../../src/mpesa/result-codes.ts';
import type { HeardEvidence } from '../../../src/payments/evidence.ts';
import { type SettleDeps, settlePayment } from '../../../src/payments/settle-payments.ts';
import { newId } from '../../../src/platform/ids.ts';
import { minutes, money, yes } from '../../support/payment-evidence.ts';
import { silentPhone, tellStory } from '../../support/payment-story.ts';
import { hour, type Stage, setStage, type Target } from '../../support/webhook-stage.ts';

describe('webhooks about what reconciliation finds', () => {
  let stage: Stage;
  let target: Target;
  let deps: SettleDeps;
  before(async () => {
    stage = await setStage();
    const { db, sealer, now } = stage.app.gateway.core;
    deps = { db, sealer, now, random: () => 0.5, readDenial, announce: () => undefined };
  });
  beforeEach(async () => {
    target = await stage.target();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  let receipts = 0;
  function freshReceipt(): string {
    receipts += 1;
    return `UJ68K3W${String(receipts).padStart(3, '0')}`;
  }

  /** A payment of 100 whose prompt nobody answers. */
  async function pushed(): Promise<string> {
    const story = tellStory(stage.app, stage.tenant);
    const { id } = await story.pay({ amount: 100, phone: silentPhone(stage.app) });
    await story.until(id, 'pending');
    return id;
  }

  async function hear(paymentId: string, evidence: HeardEvidence): Promise<string | undefined> {
    const heard = { ...evidence, id: newId('evd'), at: stage.app.clock.now(), ids: null };
    const settled = await settlePayment(deps, { paymentId, news: { kind: 'heard', evidence: heard } });
    await stage.sweep();
    return settled?.verdict;
  }

  /** What was sent about a payment, in the order in which it happened; each once, however often it was sent. */
  const told = (paymentId: string) =>
    [...new Map(target.requests.map(({ headers, body }) => [headers['webhook-id'], JSON.parse(body)])).values()]
      .filter(({ data }) => data.id === paymentId)
      .sort((left, right) => left.data.version - right.data.version);

  for (const source of ['c2b', 'pull', 'statement'] as const)
    it(`a receipt filled in by ${source} is told once, with the receipt, and again by nobody`, async () => {
      const id = await pushed();
      expect(await hear(id, yes())).to.equal('applied');
      const receipt = freshReceipt();
      expect(await hear(id, money({ source, receipt, amountCents: 100_00 }))).to.equal('applied');
      expect(await hear(id, money({ source, receipt, amountCents: 100_00 }))).to.equal('repeated');
      const events = told(id);
      expect(events.map(({ type }) => type)).to.deep.equal(['payment.pending', 'payment.succeeded', 'payment.updated']);
      expect(events[1].data).to.deep.include({
        mpesa_receipt: null,
        flags: ['receipt_missing'],
        confirmed_by: 'query',
      });
      const { data } = events[2];
      expect(data).to.deep.include({ status: 'succeeded', mpesa_receipt: receipt, amount_received: 100, flags: [] });
      expect(data.version).to.equal(events[1].data.version + 1);
    });

  it('a payment that the statement settles after it was given up is told as succeeded, late', async () => {
    const id = await pushed();
    const { clock } = stage.app;
    clock.set(clock.now() + 2 * hour);
    for (let look = 0; look < 2; look += 1) {
      const denied = { source: 'query', strength: 'D', resultCode: '1037', resultDesc: 'no' } as const;
      await hear(id, { ...yes(), ...denied });
      clock.set(clock.now() + minutes);
    }
    const receipt = freshReceipt();
    await hear(id, money({ source: 'statement', receipt, amountCents: 100_00 }));
    const last = told(id).at(-1);
    expect(last.type).to.equal('payment.succeeded');
    expect(last.data).to.deep.include({ mpesa_receipt: receipt, confirmed_by: 'statement', failure: null });
    expect(last.data.flags).to.include('late');
  });
});

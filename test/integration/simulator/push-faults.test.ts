// Each way in which the answer to a push can be spoiled, and the one thing that matters about it: whether the customer is
// asked all the same. The gateway's promise of one prompt is tested against these.

import { expect } from 'chai';
import { faults } from '../../../src/simulator/faults.ts';
import type { Answer, Stage } from './stage.ts';
import { openStage } from './stage.ts';

describe('the faults of the push’s answer', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage.close());

  async function pushWith(fault: string): Promise<Answer | Error> {
    stage.simulator.control.setFault({ group: 'push', fault, reach: 'next' });
    return stage.push().catch((error: Error) => error);
  }

  /** status, errorCode or start of the text, and whether the customer is asked all the same. */
  const expected: Record<string, [number, string, boolean]> = {
    http_500: [500, '500.003.1001', true],
    output_invalid: [500, '500.003.1001', true],
    gateway_timeout: [504, '', true],
    unreadable: [200, '{"MerchantRequestID": "7c1e', true],
    http_500_not_taken: [500, '500.003.1001', false],
    spike_arrest: [429, '{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{', false],
    spike_arrest_500: [500, '500.003.02', false],
    quota: [500, '500.003.03', false],
    busy: [500, '500.003.02', false],
    maintenance: [500, '500.002.1001', false],
    waf_503: [503, '<html style="height:100%"><head><META NAME="ROBOTS"', false],
    waf_403: [403, '<html style="height:100%">', false],
    empty_400: [400, '', false],
    invalid_token: [404, '404.001.03', false],
    no_product: [401, '401.003.01', false],
    lock: [500, '500.001.1001', false],
    wrong_credentials: [500, '500.001.1001', false],
    no_merchant: [500, '500.001.1001', false],
    no_iccid: [500, '500.001.1001', false],
  };

  for (const [fault, [status, sign, isTaken]] of Object.entries(expected)) {
    it(`${fault} answers ${status} and ${isTaken ? 'asks the customer all the same' : 'sends nothing'}`, async () => {
      const answer = await pushWith(fault);
      if (answer instanceof Error) throw answer;
      expect(answer.status).to.equal(status);
      if (/^\d{3}\./.test(sign)) expect(answer.json.errorCode).to.equal(sign);
      else expect(answer.text.startsWith(sign)).to.equal(true);
      if (sign === '') expect(answer.text).to.equal('');
      expect(stage.simulator.control.openPrompts()).to.have.length(isTaken ? 1 : 0);
      expect(stage.simulator.ledger.counts).to.include({ received: 1, pushes: isTaken ? 1 : 0 });
    });
  }

  it('lost takes the push and cuts the connection; the callback still comes', async () => {
    expect(await pushWith('lost')).to.be.instanceOf(Error);
    await stage.clock.advance(3_000);
    await stage.simulator.control.callbacksDone();
    expect(stage.callbacks).to.have.length(1);
    expect(stage.simulator.ledger.received[0]?.status).to.equal(0);
  });

  it('lost_before cuts the connection and takes nothing', async () => {
    expect(await pushWith('lost_before')).to.be.instanceOf(Error);
    expect(stage.simulator.ledger.counts.pushes).to.equal(0);
  });

  it('slow answers after 30 s, when the customer has long paid', async () => {
    stage.simulator.control.setFault({ group: 'push', fault: 'slow', reach: 'next' });
    const waiting = stage.push();
    await stage.simulator.ledger.until(({ pushes }) => pushes[0]?.state === 'prompting');
    await stage.clock.advance(29_999);
    await stage.simulator.control.callbacksDone();
    expect(stage.callbacks).to.have.length(1);
    expect(stage.simulator.ledger.received[0]?.status).to.equal(null);
    await stage.clock.advance(1);
    expect((await waiting).status).to.equal(200);
  });

  it('invalid_token drops the token too, so that only a fresh one helps', async () => {
    const token = await stage.token();
    stage.simulator.control.setFault({ group: 'push', fault: 'invalid_token', reach: 'next' });
    expect((await stage.push({}, token)).json.errorCode).to.equal('404.001.03');
    expect((await stage.push({}, token)).json.errorCode).to.equal('404.001.03');
    expect((await stage.push({}, await stage.token())).status).to.equal(200);
  });

  it('has a test for every fault of the dial', () => {
    const tested = [...Object.keys(expected), 'lost', 'lost_before', 'slow'];
    expect(faults.push.map(({ name }) => name).sort()).to.deep.equal(tested.sort());
  });
});

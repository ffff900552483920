// When a webhook that is not taken is tried again: the twelve attempts of webhooks.md at exactly their times, on a clock
// that is moved. Chance is taken out (the gateway's random number is 0.5, so a wait is its mean); how far chance may move
// a wait is tested beside the policy itself.

import { expect } from 'chai';
import { scheduleMs } from '../../../src/webhooks/policy.ts';
import { answers } from '../../support/webhook-receiver.ts';
import { hour, type Stage, setStage } from '../../support/webhook-stage.ts';

describe('the schedule of a webhook that fails', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  it('makes twelve attempts, each when its wait is over and not a millisecond before, then the delivery is dead', async () => {
    const target = await stage.target(answers.status(500));
    const startedAt = stage.app.clock.now();
    await stage.happen();
    await stage.sweep();
    for (const [failures, wait] of scheduleMs.entries()) {
      if (failures === 0) continue;
      const [waiting] = await target.deliveries();
      expect(waiting).to.include({ status: 'pending', attempt_count: failures, last_status_code: 500 });
      expect(Date.parse(waiting.next_attempt_at) - stage.app.clock.now()).to.equal(wait);
      await stage.pass(wait - 1);
      expect(target.requests, `before attempt ${failures + 1}`).to.have.length(failures);
      await stage.pass(1);
      expect(target.requests, `attempt ${failures + 1}`).to.have.length(failures + 1);
    }
    const [dead] = await target.deliveries();
    expect(dead).to.include({ status: 'dead', attempt_count: 12, next_attempt_at: null, last_error: 'server_error' });
    expect((stage.app.clock.now() - startedAt) / hour).to.be.closeTo(75.7, 0.05);
    await stage.pass(1000 * hour);
    expect(target.requests).to.have.length(12);
  });
});

// What the processes that answer the API know of the worker's breaker: a shortcode is down for as long as its breaker
// waits, however long that is, and up again as soon as M-PESA has answered.

import { expect } from 'chai';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginStory, move, type Story } from '../../support/payment-story.ts';

const second = 1000;
const minute = 60 * second;

describe('the health of a shortcode whose breaker is open', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  const health = async (): Promise<string> => (await story.call('/v1/shortcodes')).body.data[0].health;

  it('is down until M-PESA answers, though the breaker waits for five minutes at a time', async () => {
    app.simulator.control.setFault({ group: 'oauth', fault: 'outage', reach: 'all' });
    // Nothing is sent, so no payment ends and none is unsure: only the breaker can say that it is down.
    const payments = [await story.pay({ expires_in: 7200 }), await story.pay({ expires_in: 7200 })];
    expect(await health()).to.equal('up');
    for (let waited = 0; (await health()) === 'up' && waited < 5 * minute; waited += 5 * second)
      await move(app, 5 * second);
    expect(await health()).to.equal('down');
    // 30 s, 1, 2, 4, 5 and 5 min: time for the longest wait twice.
    for (let waited = 0; waited < 18 * minute; waited += 15 * second) {
      await move(app, 15 * second);
      expect(await health(), `${waited / second} s after it opened`).to.equal('down');
    }
    app.simulator.control.clearFaults();
    for (let waited = 0; (await health()) === 'down' && waited < 8 * minute; waited += 15 * second)
      await move(app, 15 * second);
    expect(await health()).to.equal('up');
    const statuses = await Promise.all(payments.map(async ({ id }) => (await story.read(id)).status));
    expect(statuses.some((status) => status !== 'queued')).to.equal(true);
  });
});

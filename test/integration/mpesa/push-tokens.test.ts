// Pushes that need a token they cannot get, or a connection that is not there: provably nothing was sent, so they go
// back to the queue, unless OAuth itself refuses the credentials (design.md section 6).

import { expect } from 'chai';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { type CuttableProxy, openCuttableProxy } from '../../support/cuttable-proxy.ts';
import { beginStory, idle, move, received, rest, taken } from '../../support/payment-story.ts';

const seconds = 1000;

describe('pushes without a token or a connection', () => {
  let home: TestGateway;
  let proxy: CuttableProxy;
  let app: TestGateway;
  before(async () => {
    home = await buildGateway({ env: idle });
    proxy = await openCuttableProxy(home.config.darajaUrls.simulator);
    app = await buildGateway({ beside: home, env: { DARAJA_SIMULATOR_URL: `http://127.0.0.1:${proxy.port}` } });
  });
  after(async () => {
    await app.close();
    await proxy.close();
    await home.close();
  });

  const breakOauth = (fault: string, reach: 'next' | 'all'): void =>
    app.simulator.control.setFault({ group: 'oauth', fault, reach });

  it('fails with invalid_credentials, and never reaches the push, when OAuth refuses the credentials twice', async () => {
    const story = await beginStory(app);
    breakOauth('bad_credentials', 'all');
    const phone = freshPhone();
    const { id } = await story.pay({ phone });
    const failed = await story.until(id, 'failed');
    app.simulator.control.clearFaults();
    expect(failed.failure).to.include({ code: 'invalid_credentials', category: 'configuration' });
    expect(received(app, phone)).to.have.length(0);
  });

  it('is sent when OAuth refuses the credentials once and takes them at the second try', async () => {
    const story = await beginStory(app);
    breakOauth('bad_credentials', 'next');
    const phone = freshPhone();
    const { id } = await story.pay({ phone });
    await story.until(id, 'pending');
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
  });

  for (const fault of ['outage', 'waf_403', 'waf_503', 'lost']) {
    it(`goes back to the queue while OAuth has an outage (${fault}), and is sent once when it is over`, async () => {
      const story = await beginStory(app);
      breakOauth(fault, 'all');
      const phone = freshPhone();
      const { id } = await story.pay({ phone });
      await rest(app);
      expect((await story.read(id)).status).to.equal('queued');
      expect((await story.timeline(id)).map(({ cause }) => cause)).to.include('not sent: no_token');
      expect(received(app, phone)).to.have.length(0);
      app.simulator.control.clearFaults();
      await move(app, 5 * seconds);
      await story.until(id, 'pending');
      expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
    });
  }

  it('goes back to the queue when nobody listens at Daraja’s address, and is sent once when somebody does', async () => {
    const story = await beginStory(app);
    const first = await story.pay();
    await story.until(first.id, 'pending');
    await proxy.cut();
    const phone = freshPhone();
    const { id } = await story.pay({ phone });
    await rest(app);
    expect((await story.read(id)).status).to.equal('queued');
    expect((await story.timeline(id)).map(({ cause }) => cause)).to.include('not sent: not_connected');
    await proxy.restore();
    await move(app, 5 * seconds);
    await story.until(id, 'pending');
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
  });

  it('is unknown when the connection breaks after the push was written', async () => {
    const story = await beginStory(app);
    await story.until((await story.pay()).id, 'pending');
    proxy.holdAnswers();
    const phone = freshPhone();
    const { id } = await story.pay({ phone });
    const reached = app.simulator.ledger.until(() => received(app, phone).length === 1);
    await app.gateway.worker.dispatch();
    await reached;
    await proxy.cut();
    await story.until(id, 'unknown');
    await proxy.restore();
    await move(app, 120 * seconds);
    expect([received(app, phone).length, taken(app, phone).length]).to.deep.equal([1, 1]);
  });

  it('fetches one token for many pushes at once', async () => {
    const story = await beginStory(app);
    const before = app.simulator.ledger.counts.tokens;
    const made = await Promise.all(Array.from({ length: 20 }, () => story.pay()));
    for (const { id } of made) await story.until(id, 'pending');
    expect(app.simulator.ledger.counts.tokens - before).to.equal(1);
  });

  it('holds a shortcode’s pushes back in the queue after five without a clear answer, lets other shortcodes go on, and sends them after a probe', async () => {
    const story = await beginStory(app);
    const unclear = Array.from({ length: 5 }, () => freshPhone());
    for (const phone of unclear)
      app.simulator.control.setFault({ group: 'push', fault: 'waf_503', reach: 'all', phone });
    for (const phone of unclear) await story.until((await story.pay({ phone })).id, 'unknown');
    const held = await Promise.all(Array.from({ length: 3 }, () => story.pay()));
    await rest(app);
    for (const { id, phone } of held) {
      expect((await story.read(id)).status).to.equal('queued');
      expect(received(app, phone)).to.have.length(0);
    }
    const other = await beginStory(app);
    await other.until((await other.pay()).id, 'pending');
    await move(app, 30 * seconds);
    for (let second = 0; second < 5; second++) await move(app, 1 * seconds);
    for (const { id } of held) expect((await story.read(id)).status).to.equal('pending');
    for (const { phone } of held) expect(received(app, phone)).to.have.length(1);
  });
});

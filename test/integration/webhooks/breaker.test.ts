// The breaker of an endpoint at work: what mostly fails is left alone for 30 s and then for longer and longer, one probe
// at a time, so that it neither holds slots nor burns the attempts of what waits; one success closes it. What a person
// asks for goes out at once, as the probe. Two workers are one: together they send one probe.

import { expect } from 'chai';
import { buildGateway, isProductionProfile } from '../../support/build-gateway.ts';
import { idle } from '../../support/payment-story.ts';
import { type Answer, answers } from '../../support/webhook-receiver.ts';
import { hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

describe('the breaker', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const fails = answers.status(500);
  const works = answers.status(204);
  const counts = async (target: Target): Promise<number[]> =>
    (await target.deliveries()).map(({ attempt_count }) => attempt_count);

  /** Ten deliveries have failed once, at this moment. */
  const opened = async (answer: Answer = fails): Promise<Target> => {
    const target = await stage.target(answer);
    await stage.happen(10);
    await stage.sweep();
    expect(await target.stored()).to.include({ breakerLevel: 1, waitUntil: stage.app.clock.now() + 30 * second });
    return target;
  };

  /** So many successes, then so many failures. */
  const afterMixture = async (well: number, failed: number): Promise<Target> => {
    const target = await stage.target(works);
    await stage.happen(well);
    await stage.sweep();
    target.answerWith(fails);
    await stage.happen(failed);
    await stage.sweep();
    return target;
  };

  it('opens at seven failures of ten attempts in five minutes', async () => {
    expect(await (await afterMixture(3, 7)).stored()).to.include({ breakerLevel: 1 });
  });

  it('does not open at six of ten, nor at nine of nine', async () => {
    expect(await (await afterMixture(4, 6)).stored()).to.include({ breakerLevel: 0, waitUntil: null });
    expect(await (await afterMixture(0, 9)).stored()).to.include({ breakerLevel: 0, waitUntil: null });
  });

  it('does not count what is older than five minutes', async () => {
    const target = await afterMixture(0, 9);
    await stage.app.clock.advance(5 * minute);
    await stage.happen();
    await stage.sweep();
    // Nine retries and the new one: ten attempts within these minutes, the nine before are forgotten.
    expect(target.requests).to.have.length(19);
    expect((await target.stored()).recentMinutes).to.have.length(1);
  });

  it('makes no attempt and burns none while it is open, then one probe, and doubles to 15 minutes', async () => {
    const target = await opened();
    await stage.happen(20);
    for (const [probes, wait] of [30, 60, 120, 240, 480, 900, 900].entries()) {
      await stage.pass(wait * second - 1);
      expect(target.requests, `before probe ${probes + 1}`).to.have.length(10 + probes);
      await stage.pass(1);
      expect(target.requests, `probe ${probes + 1}`).to.have.length(11 + probes);
    }
    const attempts = (await counts(target)).reduce((sum, count) => sum + count, 0);
    expect(attempts).to.equal(17);
    expect((await counts(target)).slice(17)).to.deep.equal(new Array(13).fill(0));
  });

  it('closes at one success, and all that waited arrives with no attempt lost', async () => {
    const target = await opened();
    await stage.happen(20);
    target.answerWith(works);
    await stage.pass(30 * second);
    expect(await target.stored()).to.include({ breakerLevel: 0, waitUntil: null, failureCount: 0 });
    expect(await counts(target)).to.deep.equal([...new Array(10).fill(2), ...new Array(20).fill(1)]);
    expect(new Set((await target.deliveries()).map(({ status }) => status))).to.deep.equal(new Set(['delivered']));
  });

  it('lets one probe out at a time, however often it is looked at', async () => {
    const target = await opened();
    const held: (() => void)[] = [];
    target.answerWith(async (_request, response) => {
      await new Promise<void>((resolve) => held.push(resolve));
      response.writeHead(204).end();
    });
    await stage.app.clock.advance(30 * second);
    for (let i = 0; i < 5; i += 1) await stage.app.gateway.webhooks.dispatch();
    await target.received(11);
    for (let i = 0; i < 5; i += 1) await stage.app.gateway.webhooks.dispatch();
    expect(target.requests).to.have.length(11);
    target.answerWith(works);
    for (const answer of held) answer();
    await stage.sweep();
    expect(target.requests).to.have.length(20);
  });

  if (isProductionProfile)
    // A worker that had found the endpoint ready claimed it after the other's probe had come back and begun a new wait.
    it('is one for all workers: two of them send one probe', async () => {
      const beside = await buildGateway({ beside: stage.app, env: idle });
      const workers = [stage.app.gateway.webhooks, beside.gateway.webhooks];
      const target = await opened();
      for (const [probes, wait] of [30, 60, 120, 240, 480, 900, 900, 900].entries()) {
        await stage.app.clock.advance(wait * second);
        await Promise.all(workers.map((worker) => worker.sweep()));
        expect(target.requests, `probe ${probes + 1}`).to.have.length(11 + probes);
      }
      await beside.close();
    });

  describe('what a person asks for', () => {
    it('a test goes out at once, before all that is due, and alone', async () => {
      const target = await opened();
      await stage.pass(20 * second);
      const ping = await target.act('test');
      await stage.sweep();
      expect(target.requests).to.have.length(11);
      expect(target.ids().at(-1)).to.equal(ping.event);
      // That it failed is no reason to leave the endpoint alone for longer: nothing else was tried.
      expect(await target.stored()).to.include({ breakerLevel: 1 });
    });

    it('a manual retry goes out at once, before all that is due, and closes the breaker when it is taken', async () => {
      const target = await opened();
      await stage.pass(20 * second);
      target.answerWith(works);
      const chosen = (await target.deliveries())[6];
      const answer = await stage.call(`/v1/deliveries/${chosen.id}/retry`, { method: 'POST' });
      expect(answer.status).to.equal(202);
      await stage.sweep();
      expect(target.ids()[10]).to.equal(chosen.event);
      expect(await target.stored()).to.include({ breakerLevel: 0, waitUntil: null });
      expect(target.requests).to.have.length(20);
      const { attempts } = await stage.delivery(chosen.id);
      expect(attempts.map(({ trigger }: { trigger: string }) => trigger)).to.deep.equal(['first', 'manual']);
    });

    it('a manual retry that fails goes back to the schedule it was on', async () => {
      const target = await opened();
      await stage.pass(20 * second);
      const chosen = (await target.deliveries())[6];
      await stage.call(`/v1/deliveries/${chosen.id}/retry`, { method: 'POST' });
      await stage.sweep();
      expect(await stage.delivery(chosen.id)).to.include({ status: 'pending', attempt_count: 2 });
      target.answerWith(works);
      await stage.pass(hour);
      const { attempts } = await stage.delivery(chosen.id);
      expect(attempts.map(({ trigger }: { trigger: string }) => trigger)).to.deep.equal(['first', 'manual', 'retry']);
    });
  });
});

// A stage of its own: only receivers that never answer are here, so that a slow machine is not taken for a slow endpoint.
describe('the breaker of an endpoint that times out', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage({ env: { WEBHOOK_TIMEOUT_MS: '100' } });
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  it('opens at five timeouts in a row', async () => {
    const target = await stage.target(answers.silence());
    await stage.happen(5);
    await stage.sweep();
    expect(target.requests).to.have.length(5);
    expect(await target.stored()).to.include({ breakerLevel: 1, timeoutsInRow: 5 });
  });

  it('stays closed at four timeouts, after which the endpoint is sent one at a time', async () => {
    const target = await stage.target(answers.silence());
    await stage.happen(4);
    await stage.sweep();
    expect(await target.stored()).to.include({ breakerLevel: 0, timeoutsInRow: 4 });
    await stage.happen(4);
    await stage.pass(minute);
    expect(target.requests).to.have.length(5);
    expect(await target.stored()).to.include({ breakerLevel: 1, timeoutsInRow: 5 });
  });
});

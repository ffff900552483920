// Who is told that an endpoint fails, and when: operators by a line in the log and at a real ALERT_WEBHOOK_URL, the
// tenant at its other endpoints. At the fourth failure of a delivery, after 24 and 72 hours and at disabling, at most
// once an hour for one endpoint, and never what is no longer true.

import { expect } from 'chai';
import type { Logger } from '../../../src/platform/logger.ts';
import { buildGateway, isProductionProfile } from '../../support/build-gateway.ts';
import { idle } from '../../support/payment-story.ts';
import { type Answer, answers, startReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';
import { day, hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

interface Line {
  event: string;
  fields: Record<string, unknown>;
}

/** A logger that keeps what operators are told of endpoints. */
function createNoticeLog(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const keep = (event: string, fields: Record<string, unknown> = {}): void => {
    if (event.startsWith('webhook.endpoint_')) lines.push({ event, fields });
  };
  return { lines, logger: { debug: keep, info: keep, warn: keep, error: keep } };
}

describe('notices of an endpoint', () => {
  const log = createNoticeLog();
  let channel: WebhookReceiver;
  let stage: Stage;
  before(async () => {
    channel = await startReceiver();
    stage = await setStage({ logger: log.logger, env: { ALERT_WEBHOOK_URL: `${channel.url}/chat` } });
  });
  afterEach(() => stage.clear());
  after(async () => {
    await stage.close();
    await channel.close();
  });

  const fails = answers.status(500);
  const works = answers.status(204);
  /** What operators have been told of a target, without `webhook.endpoint_`. */
  const told = (target: Target): string[] =>
    log.lines
      .filter(({ fields }) => fields.endpoint_id === target.id)
      .map(({ event }) => event.replace('webhook.endpoint_', ''));
  /** One delivery fails for the first, second, third and fourth time. */
  const failFourTimes = async (): Promise<void> => {
    await stage.happen();
    for (const wait of [0, 5 * second, 30 * second, 2 * minute]) await stage.pass(wait);
  };
  const toldTenant = (target: Target): string[] =>
    target.requests.map(({ body }) => JSON.parse(body).type).filter((type) => type.startsWith('webhook_endpoint.'));

  it('is told at the fourth failure of a delivery: in the log, to the alert webhook and to the tenant', async () => {
    const other = await stage.target(works, { types: ['webhook_endpoint.failing'] });
    const target = await stage.target(fails, { url: ({ url }) => `${url}/hook/a-secret-path?token=abc` });
    await stage.happen();
    for (const wait of [0, 5 * second, 30 * second]) await stage.pass(wait);
    expect(told(target)).to.deep.equal([]);
    await stage.pass(2 * minute);
    expect(told(target)).to.deep.equal(['failing']);
    expect(log.lines.at(-1)?.fields).to.include({ tenant_id: stage.tenant.id, mode: 'test', failures: 4 });

    const sent = log.lines.length;
    await channel.received(sent);
    const alert = JSON.parse(channel.requests[sent - 1]!.body);
    expect(channel.requests[sent - 1]).to.include({ method: 'POST', path: '/chat' });
    expect(alert).to.include({ name: 'webhook.endpoint_failing', at: new Date(stage.app.clock.now()).toISOString() });
    expect(alert.title).to.include(`127.0.0.1:${target.port}`);
    expect(alert.fields).to.include({ endpoint_id: target.id, failures: 4 });
    expect(channel.requests[sent - 1]!.body).not.to.match(/secret-path|token=abc|whsec_/);

    expect(toldTenant(other)).to.deep.equal(['webhook_endpoint.failing']);
    expect(JSON.parse(other.requests[0]!.body).data).to.include({ id: target.id, status: 'enabled' });
    expect(toldTenant(target)).to.deep.equal([]);
  });

  it('is told at the first failure after 24 hours, and after 72', async () => {
    const target = await stage.target(fails);
    await failFourTimes();
    await stage.live(day - 155 * second - 1);
    await stage.happen();
    await stage.sweep();
    expect(told(target), 'a millisecond before').to.deep.equal(['failing']);
    await stage.live(5 * second);
    expect(told(target)).to.deep.equal(['failing', 'failing']);
    await stage.live(2 * day - 5 * second);
    expect(told(target).length, 'nothing at 48 hours but the fourth failure of the second').to.equal(3);
    await stage.happen();
    await stage.sweep();
    expect(told(target)).to.have.length(3);
    await stage.live(5 * second);
    expect(told(target)).to.have.length(4);
  });

  it('is told once an hour at most: what falls inside it comes when it is over', async () => {
    const target = await stage.target(fails);
    await failFourTimes();
    await stage.pass(10 * minute);
    await failFourTimes();
    await failFourTimes();
    expect(told(target)).to.deep.equal(['failing']);
    await stage.live(50 * minute - 310 * second - 1);
    expect(told(target), 'inside the hour').to.deep.equal(['failing']);
    await stage.live(1);
    expect(told(target), 'when it is over').to.deep.equal(['failing', 'failing']);
    await stage.live(2 * hour);
    expect(told(target), 'and no more for these').to.deep.equal(['failing', 'failing']);
  });

  it('is not told when a success came before it', async () => {
    const target = await stage.target(fails);
    await failFourTimes();
    await stage.pass(10 * minute);
    await failFourTimes();
    expect((await target.stored()).notice).to.equal('failing');
    target.answerWith(works);
    await stage.live(2 * hour);
    expect(told(target)).to.deep.equal(['failing']);
  });

  it('is told at disabling, with what to do', async () => {
    const other = await stage.target(works);
    const target = await stage.target(answers.status(410));
    await stage.happen();
    await stage.sweep();
    expect(told(target)).to.deep.equal(['disabled']);
    await channel.received(log.lines.length);
    const { text } = JSON.parse(channel.requests.at(-1)!.body);
    expect(text)
      .to.match(/410 Gone/)
      .and.to.match(/held/);
    expect(toldTenant(other)).to.deep.equal(['webhook_endpoint.disabled']);
    await stage.live(3 * hour);
    expect(told(target)).to.deep.equal(['disabled']);
  });

  it('of a disabling waits for the end of the hour too, while the tenant is told at once', async () => {
    const other = await stage.target(works);
    const target = await stage.target(fails);
    await failFourTimes();
    target.answerWith(answers.status(410));
    await stage.happen();
    await stage.sweep();
    expect(toldTenant(other)).to.deep.equal(['webhook_endpoint.failing', 'webhook_endpoint.disabled']);
    await stage.live(hour - 1);
    expect(told(target)).to.deep.equal(['failing']);
    await stage.live(1);
    expect(told(target)).to.deep.equal(['failing', 'disabled']);
  });

  for (const [what, act] of [
    ['enabled', (target: Target) => target.act('enable')],
    // A paused endpoint is not disabled any more; operators were told that it is.
    ['paused', (target: Target) => target.change({ status: 'paused' })],
  ] as const)
    it(`of a disabling is not told when the endpoint was ${what} before the hour was over`, async () => {
      const target = await stage.target(fails);
      await failFourTimes();
      target.answerWith(answers.status(410));
      await stage.happen();
      await stage.sweep();
      target.answerWith(works);
      await act(target);
      await stage.live(3 * hour);
      expect(told(target)).to.deep.equal(['failing']);
    });

  it('is not told of an endpoint that was deleted', async () => {
    const target = await stage.target(fails);
    await failFourTimes();
    await stage.pass(10 * minute);
    await failFourTimes();
    await stage.call(`/v1/webhook-endpoints/${target.id}`, { method: 'DELETE' });
    await stage.live(3 * hour);
    expect(told(target)).to.deep.equal(['failing']);
  });

  // What was on its way when the endpoint was disabled came back after it and put its own notice (or none) in the place
  // of the disabling, which nobody was told of then.
  describe('of a disabling, beside what was on its way', () => {
    const lateAnswers = (target: Target, late: Answer): void => {
      const from = target.requests.length;
      target.answerWith(async (request, response) => {
        const isFirst = target.requests[from] === request;
        await target.received(from + 5);
        if (!isFirst)
          while ((await target.stored()).status === 'enabled') await new Promise((turn) => setTimeout(turn, 5));
        await (isFirst ? answers.status(410) : late)(request, response);
      });
    };

    it('is told though the others arrived', async () => {
      const target = await stage.target();
      lateAnswers(target, works);
      await stage.happen(5);
      await stage.sweep();
      expect((await target.deliveries()).filter(({ status }) => status === 'delivered')).to.have.length(4);
      expect(await target.shown()).to.include({ status: 'disabled', disabled_reason: 'gone' });
      expect(told(target)).to.deep.equal(['disabled']);
    });

    it('is told though the others failed for the fourth time', async () => {
      const target = await stage.target(answers.breaking());
      await stage.happen(5);
      for (const wait of [0, 5 * second, 35 * second]) await stage.live(wait);
      // Let the breaker of so many failures close, so that all five go out together.
      const { db } = stage.app.gateway.core;
      await db('endpoints')
        .where({ id: target.id })
        .update({ breaker_level: 0, wait_until: null, recent_minutes: '[]' });
      await db('deliveries').where({ endpoint_id: target.id }).update({ step: 3, due_at: stage.app.clock.now() });
      lateAnswers(target, fails);
      await stage.sweep();
      expect((await target.deliveries()).map(({ status }) => status)).to.deep.equal(new Array(5).fill('held'));
      expect(told(target)).to.deep.equal(['disabled']);
    });
  });

  if (isProductionProfile)
    it('is told once though two workers look for it at the same time', async () => {
      const beside = await buildGateway({ beside: stage.app, logger: log.logger, env: idle });
      const targets = await Promise.all(Array.from({ length: 15 }, () => stage.target(answers.status(410))));
      const { db } = stage.app.gateway.core;
      const { id: untouched } = await stage.target(works);
      await db('endpoints').whereNot({ id: untouched }).where({ status: 'enabled' }).update({ notice: 'failing' });
      await Promise.all([stage.app, beside].map(({ gateway }) => gateway.webhooks.sweep()));
      for (const target of targets) expect(told(target)).to.deep.equal(['failing']);
      await beside.close();
    });
});

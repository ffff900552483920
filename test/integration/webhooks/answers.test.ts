// What each answer of a receiver does to its delivery and to its endpoint: taken, tried again, left alone for a while or
// switched off. Receivers are real servers; a timeout is a real one of a tenth of a second, every other wait is moved on
// the clock. A resolver that fails is ours, and must leave no trace on the endpoint.

import { expect } from 'chai';
import { scheduleMs } from '../../../src/webhooks/policy.ts';
import { type Answer, answers } from '../../support/webhook-receiver.ts';
import { day, hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

describe('what an answer does', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const waitOf = async (target: Target): Promise<number> => {
    const [delivery] = await target.deliveries();
    return Date.parse(delivery.next_attempt_at) - stage.app.clock.now();
  };
  const firstAnswer = async (answer: Answer): Promise<Target> => {
    const target = await stage.target(answer);
    await stage.happen();
    await stage.sweep();
    return target;
  };

  for (const status of [200, 201, 202, 203, 204, 206, 208, 226, 299])
    it(`${status} is success`, async () => {
      const target = await firstAnswer(answers.status(status));
      const [delivery] = await target.deliveries();
      expect(delivery).to.include({ status: 'delivered', last_status_code: status, last_error: null });
      expect(delivery).to.include({ attempt_count: 1, next_attempt_at: null });
      expect(delivery.delivered_at).to.equal(new Date(stage.app.clock.now()).toISOString());
      expect(await target.shown()).to.include({ last_success_at: delivery.delivered_at, failing_since: null });
    });

  const failures: [string, readonly number[]][] = [
    ['redirect', [300, 301, 302, 303, 304, 307, 308]],
    ['client_error', [400, 401, 403, 404, 405, 408, 409, 413, 418, 422, 425, 451, 499]],
    ['server_error', [500, 501, 505, 507, 520, 599]],
  ];
  for (const [error, codes] of failures)
    for (const status of codes)
      it(`${status} is a failure (${error}) that is tried again after 5 s`, async () => {
        const target = await firstAnswer(
          answers.inTurn(
            answers.status(status, { location: '/elsewhere', 'retry-after': '3600' }),
            answers.status(200),
          ),
        );
        const [delivery] = await target.deliveries();
        expect(delivery).to.include({ status: 'pending', last_status_code: status, last_error: error });
        expect(await waitOf(target)).to.equal(5 * second);
        expect((await target.shown()).failing_since).to.equal(new Date(stage.app.clock.now()).toISOString());
        await stage.pass(5 * second);
        expect(target.requests.map(({ path }) => path)).to.deep.equal(['/hook', '/hook']);
        expect((await target.deliveries())[0]).to.include({ status: 'delivered', attempt_count: 2 });
      });

  describe('410', () => {
    it('disables the endpoint at once and holds what waits, what failed before and what is new', async () => {
      const target = await stage.target(answers.inTurn(answers.status(500), answers.status(410), answers.status(200)));
      await stage.happen();
      await stage.sweep();
      await stage.happen();
      await stage.sweep();
      expect(await target.shown()).to.include({ status: 'disabled', disabled_reason: 'gone' });
      await stage.happen();
      await stage.pass(day);
      expect((await target.deliveries()).map(({ status }) => status)).to.deep.equal(['held', 'held', 'held']);
      expect(target.requests).to.have.length(2);
      expect(await target.act('enable')).to.include({ status: 'enabled', disabled_reason: null, released: 3 });
      await stage.sweep();
      expect((await target.deliveries()).map(({ status }) => status)).to.deep.equal(times(3, 'delivered'));
    });
  });

  describe('not now', () => {
    for (const status of [429, 502, 503, 504])
      it(`${status} waits a minute and pauses the whole endpoint for it, what is new too`, async () => {
        const target = await firstAnswer(answers.inTurn(answers.status(status), answers.status(204)));
        const other = await stage.target();
        expect(await waitOf(target)).to.equal(minute);
        await stage.happen();
        await stage.pass(minute - 1);
        expect(target.requests, 'inside the minute').to.have.length(1);
        expect(other.requests, 'another endpoint of the tenant').to.have.length(1);
        for (const { next_attempt_at } of await target.deliveries())
          expect(Date.parse(next_attempt_at)).to.equal(stage.app.clock.now() + 1);
        await stage.pass(1);
        expect((await target.deliveries()).map(({ status }) => status)).to.deep.equal(times(2, 'delivered'));
      });

    it('leaves the schedule its longer waits', async () => {
      const target = await stage.target(answers.status(503));
      await stage.happen();
      for (const wait of [0, minute, minute, scheduleMs[3]!]) await stage.pass(wait);
      expect(target.requests).to.have.length(4);
      expect(await waitOf(target)).to.equal(scheduleMs[4]);
    });
  });

  describe('Retry-After', () => {
    const asking = (status: number, value: string): Promise<Target> =>
      firstAnswer(answers.status(status, { 'retry-after': value }));
    const inHours = (hours: number): string => new Date(stage.app.clock.now() + hours * hour).toUTCString();

    for (const status of [429, 502, 503, 504])
      it(`of ${status} is honoured as seconds`, async () => {
        const target = await asking(status, '7200');
        expect(await waitOf(target)).to.equal(2 * hour);
        await stage.happen();
        await stage.pass(2 * hour - 1);
        expect(target.requests).to.have.length(1);
        await stage.pass(1);
        expect(target.requests.length).to.be.greaterThan(1);
      });

    it('is honoured as a date', async () => {
      expect(await waitOf(await asking(503, inHours(2)))).to.be.within(2 * hour - second, 2 * hour);
    });

    it('is six hours at most, in either form', async () => {
      expect(await waitOf(await asking(503, '999999999999'))).to.equal(6 * hour);
      await stage.clear();
      expect(await waitOf(await asking(429, inHours(100)))).to.equal(6 * hour);
    });

    it('never shortens the minute, and one that cannot be read is none', async () => {
      for (const value of ['0', '3', inHours(-2), 'soon', '-5', '1e9']) {
        expect(await waitOf(await asking(503, value)), value).to.equal(minute);
        await stage.clear();
      }
    });
  });
});

describe('no answer in time', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage({ env: { WEBHOOK_TIMEOUT_MS: '100' } });
  });
  after(() => stage.close());

  it('waits a minute and pauses the whole endpoint for it, what is new too', async () => {
    const target = await stage.target(answers.silence());
    await stage.happen();
    await stage.sweep();
    const [timedOut] = await target.deliveries();
    expect(timedOut).to.include({ status: 'pending', last_error: 'timeout', last_status_code: null });
    expect(Date.parse(timedOut.next_attempt_at) - stage.app.clock.now()).to.equal(minute);
    await stage.happen();
    await stage.pass(minute - 1);
    expect(target.requests, 'inside the minute').to.have.length(1);
    await stage.pass(1);
    expect(target.requests.length, 'after it').to.equal(2);
  });
});

describe('a name server that fails', () => {
  let stage: Stage;
  let problem: string | null = null;
  before(async () => {
    const resolve = async () => {
      if (problem !== null) throw Object.assign(new Error(problem), { code: problem });
      return [{ address: '127.0.0.1', family: 4 as const }];
    };
    stage = await setStage({ webhooks: { resolve } });
  });
  beforeEach(() => {
    problem = null;
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const named = (): Promise<Target> =>
    stage.target(answers.status(500, { connection: 'close' }), {
      url: ({ port }) => `http://shop.example.co.ke:${port}/hook`,
    });

  for (const code of ['ESERVFAIL', 'ETIMEOUT', 'EAI_AGAIN'])
    it(`${code} never counts against the endpoint nor moves the schedule`, async () => {
      const target = await named();
      await stage.happen();
      await stage.sweep();
      const before = await target.stored();
      problem = code;
      await stage.pass(5 * second);
      for (let i = 0; i < 12; i += 1) {
        const [{ next_attempt_at, status, last_error }] = await target.deliveries();
        expect({ status, last_error }).to.deep.equal({ status: 'pending', last_error: 'resolver_failed' });
        const wait = Date.parse(next_attempt_at) - stage.app.clock.now();
        expect(wait).to.be.within(minute, hour);
        await stage.pass(wait);
      }
      expect(await target.stored()).to.deep.equal(before);
      problem = null;
      const attempts = (await target.deliveries())[0].attempt_count;
      expect(attempts).to.equal(14);
      await stage.live(80 * hour);
      const [delivery] = await target.deliveries();
      expect(delivery).to.include({ status: 'dead', attempt_count: attempts + 11 });
      const at = target.requests.map(({ headers }) => Number(headers['webhook-timestamp']) * second);
      const waits = at.slice(1).map((time, index) => time - at[index]!);
      expect(waits.slice(1), 'the rest of the schedule').to.deep.equal(scheduleMs.slice(2));
    });

  it('for six days disables nothing, and what waited arrives when it answers again', async () => {
    const target = await named();
    target.answerWith(answers.status(204));
    problem = 'ESERVFAIL';
    await stage.happen(2);
    for (let i = 0; i < 12; i += 1) await stage.pass(0.5 * day);
    expect(await target.shown()).to.include({ status: 'enabled', failing_since: null, last_success_at: null });
    expect((await target.stored()).notice).to.equal(null);
    problem = null;
    await stage.live(hour);
    expect(target.requests).to.have.length(2);
  });

  it('is another thing than a name that does not exist: that is the tenant’s own', async () => {
    const target = await named();
    problem = 'ENOTFOUND';
    await stage.happen();
    await stage.sweep();
    expect((await target.deliveries())[0]).to.include({ status: 'pending', last_error: 'name_not_found' });
    expect((await target.stored()).failureCount).to.equal(1);
  });
});

function times<T>(count: number, one: T): T[] {
  return Array.from({ length: count }, () => one);
}

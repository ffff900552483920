// Changing an endpoint's secret while webhooks flow. During the overlap every request is signed by all secrets, so that a
// receiver that still knows the old one and a receiver that knows only the new one both verify all of them; after it only
// the new one signs. Judged by the two official packages, standardwebhooks and svix, in the receiver.

import { expect } from 'chai';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { answers, type ReceivedWebhook } from '../../support/webhook-receiver.ts';
import { day, hour, minute, type Stage, second, setStage, type Target } from '../../support/webhook-stage.ts';

/** Which of the packages take the request for one of this secret's. Ages are not judged: the clock is a moved one. */
function verifiers({ headers, body }: ReceivedWebhook, secret: string): string[] {
  const sent = headers as Record<string, string>;
  const realNow = Date.now;
  Date.now = () => Number(sent['webhook-timestamp']) * 1000;
  try {
    const packages = { standardwebhooks: new StandardWebhook(secret), svix: new SvixWebhook(secret) };
    return Object.entries(packages).flatMap(([name, webhook]) => {
      try {
        webhook.verify(body, sent);
        return [name];
      } catch {
        return [];
      }
    });
  } finally {
    Date.now = realNow;
  }
}

const both = ['standardwebhooks', 'svix'];

describe('rotating a secret', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage();
  });
  afterEach(() => stage.clear());
  after(() => stage.close());

  const rotate = async (target: Target, overlapSeconds?: number): Promise<string> => {
    const body = overlapSeconds === undefined ? {} : { overlap_seconds: overlapSeconds };
    const { secret } = await target.act('rotate-secret', body);
    expect(secret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/);
    return secret;
  };
  /** Sends one more webhook; which packages verify it with each of these secrets. */
  const verifiedBy = async (target: Target, secrets: readonly string[]): Promise<string[][]> => {
    const before = target.requests.length;
    await stage.happen();
    await stage.sweep();
    expect(target.requests).to.have.length(before + 1);
    return secrets.map((secret) => verifiers(target.requests[before]!, secret));
  };
  const signatures = (target: Target): number =>
    String(target.requests.at(-1)!.headers['webhook-signature']).split(' ').length;

  it('lets receivers with the old secret and with the new one verify every request for a day', async () => {
    const target = await stage.target();
    expect(await verifiedBy(target, [target.secret])).to.deep.equal([both]);
    const fresh = await rotate(target);
    expect(fresh).not.to.equal(target.secret);
    for (const wait of [0, hour, 22 * hour, hour - 1]) {
      await stage.pass(wait);
      expect(await verifiedBy(target, [target.secret, fresh]), `${wait}`).to.deep.equal([both, both]);
      expect(signatures(target)).to.equal(2);
    }
    await stage.pass(1);
    expect(await verifiedBy(target, [target.secret, fresh])).to.deep.equal([[], both]);
    expect(signatures(target)).to.equal(1);
  });

  it('puts the newest signature first', async () => {
    const target = await stage.target();
    const fresh = await rotate(target);
    await verifiedBy(target, []);
    const request = target.requests.at(-1)!;
    const [first] = String(request.headers['webhook-signature']).split(' ');
    const alone = { ...request, headers: { ...request.headers, 'webhook-signature': first } };
    expect(verifiers(alone, fresh)).to.deep.equal(both);
    expect(verifiers(alone, target.secret)).to.deep.equal([]);
  });

  it('with no overlap ends the old secret at once', async () => {
    const target = await stage.target();
    const fresh = await rotate(target, 0);
    expect(await verifiedBy(target, [target.secret, fresh])).to.deep.equal([[], both]);
  });

  it('keeps an overlap of seven days, to the second', async () => {
    const target = await stage.target();
    const fresh = await rotate(target, 7 * 86_400);
    await stage.pass(7 * day - second);
    expect(await verifiedBy(target, [target.secret, fresh])).to.deep.equal([both, both]);
    await stage.pass(second);
    expect(await verifiedBy(target, [target.secret, fresh])).to.deep.equal([[], both]);
  });

  it('signs each attempt by what is valid then: the first by both, a retry after the overlap by the new one', async () => {
    const target = await stage.target(answers.inTurn(answers.status(500), answers.status(500), answers.status(204)));
    const fresh = await rotate(target, 20);
    await stage.happen();
    for (const wait of [0, 5 * second, 30 * second]) await stage.pass(wait);
    expect(target.requests).to.have.length(3);
    const found = target.requests.map((request) => [target.secret, fresh].map((secret) => verifiers(request, secret)));
    expect(found).to.deep.equal([
      [both, both],
      [both, both],
      [[], both],
    ]);
    expect(new Set(target.requests.map(({ body }) => body)).size).to.equal(1);
  });

  it('five times in a row leaves all six secrets signing until each one’s overlap is over', async () => {
    const target = await stage.target();
    const secrets = [target.secret];
    for (let i = 0; i < 5; i += 1) {
      secrets.push(await rotate(target, 3600));
      await stage.pass(10 * minute);
    }
    expect(new Set(secrets).size).to.equal(6);
    // The first rotation was 50 minutes ago, the others ten minutes apart.
    expect(await verifiedBy(target, secrets)).to.deep.equal(new Array(6).fill(both));
    for (let ended = 1; ended <= 5; ended += 1) {
      await stage.pass(10 * minute);
      const left = secrets.map((_, index) => (index < ended ? [] : both));
      expect(await verifiedBy(target, secrets), `${ended} ended`).to.deep.equal(left);
    }
  });

  it('leaves ten secrets signing at most, the newest, so that the header stays small', async () => {
    const target = await stage.target();
    const secrets = [target.secret];
    for (let i = 0; i < 11; i += 1) secrets.push(await rotate(target, 7 * 86_400));
    const found = await verifiedBy(target, secrets);
    expect(found).to.deep.equal([[], [], ...new Array(10).fill(both)]);
    expect(signatures(target)).to.equal(10);
  });

  it('never makes an older secret live longer than it was given', async () => {
    const target = await stage.target();
    const second_ = await rotate(target, 60);
    const third = await rotate(target, 7 * 86_400);
    await stage.pass(minute);
    expect(await verifiedBy(target, [target.secret, second_, third])).to.deep.equal([[], both, both]);
    const fourth = await rotate(target, 0);
    expect(await verifiedBy(target, [target.secret, second_, third, fourth])).to.deep.equal([[], [], [], both]);
  });

  it('is no other endpoint’s', async () => {
    const [one, other] = [await stage.target(), await stage.target()];
    const fresh = await rotate(one, 0);
    await stage.happen();
    await stage.sweep();
    expect(verifiers(other.requests[0]!, other.secret)).to.deep.equal(both);
    for (const secret of [fresh, one.secret]) expect(verifiers(other.requests[0]!, secret)).to.deep.equal([]);
  });
});

// GET /v1/payments and GET /v1/receipts/{receipt}: newest first, paged by keyset so that nothing is missed or told twice,
// filtered by what a merchant knows.

import { expect } from 'chai';
import { type Answer, buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment } from '../../support/payment-states.ts';
import { beginStory, type Story } from '../../support/payment-story.ts';

type Body = Answer['body'];

describe('lists of payments', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  /** Payments that stay queued, all created at the same millisecond unless the clock is moved. */
  async function make(
    story: Story,
    count: number,
    body: (index: number) => Record<string, unknown> = () => ({}),
  ): Promise<string[]> {
    const made: string[] = [];
    for (let index = 0; index < count; index += 1) made.push((await story.pay(body(index))).id);
    return made;
  }

  async function pages(story: Story, query: string): Promise<Body[]> {
    const found: Body[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: Answer = await story.call(`/v1/payments?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(body.object).to.equal('list');
      expect(body.has_more).to.equal(body.next_cursor !== null);
      found.push(body.data);
      cursor = body.next_cursor;
      if (found.length > 50) throw new Error('the pages do not end');
    }
    return found;
  }

  const idsOf = (payments: Body[]): string[] => payments.map(({ id }) => id);

  it('are newest first, 20 unless another limit is asked for', async () => {
    const story = await beginPausedStory(app);
    const made: string[] = [];
    for (let index = 0; index < 22; index += 1) {
      made.push((await story.pay()).id);
      await app.clock.advance(1);
    }
    const newest = [...made].reverse();
    const { body } = await story.call('/v1/payments');
    expect(idsOf(body.data)).to.deep.equal(newest.slice(0, 20));
    expect(body.has_more).to.equal(true);
    expect(idsOf((await story.call('/v1/payments?limit=1')).body.data)).to.deep.equal(newest.slice(0, 1));
    expect(idsOf((await story.call('/v1/payments?limit=100')).body.data)).to.deep.equal(newest);
  });

  it('that were all created at the same moment are paged without a gap or a repeat', async () => {
    const story = await beginPausedStory(app);
    const made = await make(story, 11);
    for (const limit of [1, 3, 10, 11, 12]) {
      const all = (await pages(story, `limit=${limit}`)).flat();
      expect(idsOf(all).sort(), `limit ${limit}`).to.deep.equal([...made].sort());
      expect(new Set(idsOf(all)).size, `limit ${limit}`).to.equal(11);
    }
  });

  it('keep their place while new payments arrive: a cursor never shows one twice', async () => {
    const story = await beginPausedStory(app);
    const old = await make(story, 6);
    const first = (await story.call('/v1/payments?limit=3')).body;
    await app.clock.advance(1);
    await make(story, 4);
    const rest = (await story.call(`/v1/payments?limit=100&cursor=${first.next_cursor}`)).body;
    expect([...idsOf(first.data), ...idsOf(rest.data)].sort()).to.deep.equal([...old].sort());
  });

  it('end with an exact last page: has_more is false and there is no cursor', async () => {
    const story = await beginPausedStory(app);
    await make(story, 4);
    const all = await pages(story, 'limit=2');
    expect(all.map(({ length }) => length)).to.deep.equal([2, 2]);
  });

  it('are filtered by status, one or several', async () => {
    const story = await beginStory(app);
    const paid = await endPayment(app, story, '0');
    const cancelled = await endPayment(app, story, '1032');
    const failed = await endPayment(app, story, '1');
    const of = async (query: string) => idsOf((await story.call(`/v1/payments?${query}`)).body.data).sort();
    expect(await of('status=succeeded')).to.deep.equal([paid.id]);
    expect(await of('status=failed&status=cancelled')).to.deep.equal([cancelled.id, failed.id].sort());
    expect(await of('status=queued')).to.deep.equal([]);
  });

  it('are filtered by reference, phone in any form, shortcode, and receipt in any case', async () => {
    const story = await beginStory(app);
    const paid = await endPayment(app, story, '0', { reference: 'MY-REF' });
    await endPayment(app, story, '0');
    const local = `0${paid.phone.slice(3)}`;
    const queries = [
      'reference=MY-REF',
      `phone=${local}`,
      `phone=%2B${paid.phone}`,
      `phone=${local.slice(0, 4)}%20${local.slice(4)}`,
      `receipt=${paid.mpesa_receipt}`,
      `receipt=${paid.mpesa_receipt.toLowerCase()}`,
      `status=succeeded&reference=MY-REF&phone=${paid.phone}`,
    ];
    for (const query of queries)
      expect(idsOf((await story.call(`/v1/payments?${query}`)).body.data), query).to.deep.equal([paid.id]);
    for (const query of [
      'reference=MY',
      'reference=my-ref',
      `phone=${freshPhone()}`,
      'receipt=UJ6NOBODY0',
      'shortcode=600000',
    ])
      expect((await story.call(`/v1/payments?${query}`)).body.data, query).to.deep.equal([]);
    expect((await story.call('/v1/payments?shortcode=174379')).body.data).to.have.length(2);
  });

  it('take created_after with its moment and created_before without', async () => {
    const story = await beginPausedStory(app);
    const made: Body[] = [];
    for (let index = 0; index < 3; index += 1) {
      made.push(await story.pay());
      await app.clock.advance(1000);
    }
    const [first, second, third] = made.map((payment) => payment.created_at);
    const between = async (query: string) => idsOf((await story.call(`/v1/payments?${query}`)).body.data);
    expect(await between(`created_after=${second}`)).to.deep.equal([made[2].id, made[1].id]);
    expect(await between(`created_before=${second}`)).to.deep.equal([made[0].id]);
    expect(await between(`created_after=${first}&created_before=${third}`)).to.deep.equal([made[1].id, made[0].id]);
    const nairobi = new Date(Date.parse(second) + 3 * 3_600_000).toISOString().replace('Z', '%2B03:00');
    expect(await between(`created_after=${nairobi}&created_before=${third}`)).to.deep.equal([made[1].id]);
  });

  it('refuse a cursor that is none, or was changed', async () => {
    const story = await beginPausedStory(app);
    await make(story, 2);
    const { next_cursor } = (await story.call('/v1/payments?limit=1')).body;
    for (const cursor of ['x', `${next_cursor}x`, next_cursor.slice(2), Buffer.from('0.pay_').toString('base64url')]) {
      const { status, body } = await story.call(`/v1/payments?cursor=${cursor}`);
      expect(status, cursor).to.equal(400);
      expect(body.errors[0]).to.include({ parameter: 'cursor', code: 'wrong_format' });
    }
  });

  it('show a payment exactly as its own address does', async () => {
    const story = await beginStory(app);
    const paid = await endPayment(app, story, '0', { metadata: { a: '1' } });
    const [listed] = (await story.call('/v1/payments')).body.data;
    expect(listed).to.deep.equal(await story.read(paid.id));
  });
});

describe('GET /v1/receipts/{receipt}', () => {
  let app: TestGateway;
  let story: Story;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
  });
  after(() => app.close());

  it('answers the payment behind a receipt, in any case', async () => {
    const paid = await endPayment(app, story, '0');
    for (const receipt of [paid.mpesa_receipt, paid.mpesa_receipt.toLowerCase()]) {
      const { status, body } = await story.call(`/v1/receipts/${receipt}`);
      expect(status).to.equal(200);
      expect(body).to.deep.equal(paid);
    }
  });

  it('is 404 for a receipt that nobody has', async () => {
    expect((await story.call('/v1/receipts/UJ6NOBODY0')).body).to.include({ status: 404, code: 'not_found' });
  });
});

// GET /v1/payments/{id}/stream: the present state at once, each change as it happens, a heartbeat every 15 s, the end
// after a final status, and a reconnect that loses and repeats nothing.

import { expect } from 'chai';
import { type Answer, buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginPausedStory, endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, type Story } from '../../support/payment-story.ts';

interface Message {
  event?: string;
  id?: string;
  data?: Answer['body'];
  comment?: string;
  retry?: string;
}

interface Stream {
  status: number;
  headers: Headers;
  /** The next message; undefined when the stream has ended. */
  next(): Promise<Message | undefined>;
  close(): Promise<void>;
}

describe('GET /v1/payments/{id}/stream', () => {
  let app: TestGateway;
  let story: Story;
  let paused: Story;
  const open: Stream[] = [];
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    paused = await beginPausedStory(app);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  after(() => app.close());

  async function listen(by: Story, paymentId: string, headers: Record<string, string> = {}): Promise<Stream> {
    const response = await fetch(`${app.url}/v1/payments/${paymentId}/stream`, {
      headers: { Authorization: `Bearer ${by.tenant.key}`, ...headers },
    });
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = '';
    const stream: Stream = {
      status: response.status,
      headers: response.headers,
      async next() {
        while (!text.includes('\n\n')) {
          const { done, value } = await reader.read();
          if (done) return undefined;
          text += decoder.decode(value, { stream: true });
        }
        const end = text.indexOf('\n\n');
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        return Object.fromEntries(
          lines.map((line) => {
            if (line.startsWith(':')) return ['comment', line.slice(1).trim()];
            const [name, ...rest] = line.split(': ');
            const value = rest.join(': ');
            return [name, name === 'data' ? JSON.parse(value) : value];
          }),
        );
      },
      close: () => reader.cancel(),
    };
    open.push(stream);
    expect(await stream.next()).to.deep.equal({ retry: '3000' });
    return stream;
  }

  const cancel = (id: string) => paused.call(`/v1/payments/${id}/cancel`, { method: 'POST' });

  it('is an event stream that no proxy may keep, and begins with the present state', async () => {
    const queued = await paused.pay();
    const stream = await listen(paused, queued.id);
    expect(stream.status).to.equal(200);
    expect(stream.headers.get('Content-Type')).to.match(/^text\/event-stream/);
    expect(stream.headers.get('Cache-Control')).to.equal('no-store');
    expect(stream.headers.get('X-Accel-Buffering')).to.equal('no');
    expect(await stream.next()).to.deep.equal({ event: 'payment', id: String(queued.version), data: queued });
  });

  it('tells each change once, in order, and ends after a final status', async () => {
    const pending = await pendingPayment(app, story);
    const stream = await listen(story, pending.id);
    expect((await stream.next())!.data).to.include({ status: 'pending' });
    await app.simulator.control.sendCallback({ phone: pending.phone }, { resultCode: '0' });
    const last = await stream.next();
    expect(last!.data).to.include({ status: 'succeeded' });
    expect(last!.id).to.equal(String(pending.version + 1));
    expect(await stream.next()).to.equal(undefined);
  });

  it('of a payment that has its end is its state, and then over', async () => {
    const paid = await endPayment(app, story, '0');
    const stream = await listen(story, paid.id);
    expect((await stream.next())!.data).to.deep.equal(paid);
    expect(await stream.next()).to.equal(undefined);
  });

  it('with Last-Event-ID of the present version does not repeat it, of an earlier one begins with the present state', async () => {
    const queued = await paused.pay();
    const upToDate = await listen(paused, queued.id, { 'Last-Event-ID': String(queued.version) });
    const behind = await listen(paused, queued.id, { 'Last-Event-ID': String(queued.version - 1) });
    expect((await behind.next())!.data).to.deep.equal(queued);
    await cancel(queued.id);
    expect((await upToDate.next())!.data).to.include({ status: 'cancelled' });
    expect(await upToDate.next()).to.equal(undefined);
  });

  it('with a Last-Event-ID that is none begins with the present state', async () => {
    const queued = await paused.pay();
    for (const id of ['x', '', '-1', '1e999'])
      expect((await (await listen(paused, queued.id, { 'Last-Event-ID': id })).next())!.data, id).to.deep.equal(queued);
  });

  it('with Last-Event-ID of a final state ends without repeating it', async () => {
    const paid = await endPayment(app, story, '0');
    const stream = await listen(story, paid.id, { 'Last-Event-ID': String(paid.version) });
    expect(await stream.next()).to.equal(undefined);
  });

  it('beats every 15 s while nothing happens, and still tells the change after it', async () => {
    const queued = await paused.pay();
    const stream = await listen(paused, queued.id);
    await stream.next();
    for (let beat = 0; beat < 2; beat += 1) {
      const heard = stream.next();
      // Between two steps the look-again timers read the database, which takes turns of the real event loop.
      for (let step = 0; step < 32; step += 1) {
        await app.clock.advance(500);
        await paused.call('/v1/payments?limit=1');
      }
      expect(await heard).to.deep.equal({ comment: 'heartbeat' });
    }
    await cancel(queued.id);
    let message = await stream.next();
    while (message?.comment !== undefined) message = await stream.next();
    expect(message!.data).to.include({ status: 'cancelled' });
  });

  it('ends when the server stops, so that the client goes to another', async () => {
    const other = await buildGateway();
    const own = await beginPausedStory(other);
    const { id } = await own.pay();
    const response = await fetch(`${other.url}/v1/payments/${id}/stream`, {
      headers: { Authorization: `Bearer ${own.tenant.key}` },
    });
    const text = response.text();
    await other.call('/v1/account');
    await other.gateway.stopWorking();
    expect(await text).to.match(/^retry: 3000\n\nevent: payment\n/);
    await other.close();
  });
});

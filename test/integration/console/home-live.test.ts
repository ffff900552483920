// What an open page hears: the strip when it says something new, a word when Home's figures change, the end when the
// session ends. And what a process bears: so many listeners, and a stop that does not wait for them.

import { expect } from 'chai';
import { mostStreams } from '../../../src/console/live-pages.ts';
import { countTransitions } from '../../../src/payments/hourly-stats-relay.ts';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { readStrip } from '../../support/console-strip.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';
import { eventually } from '../../support/gateway-process.ts';
import { insertSeeded, seededRows } from '../../support/seeded-payments.ts';

const second = 1000;
const minute = 60 * second;

interface Listener {
  status: number;
  type: string;
  /** Everything heard so far. */
  events: { event: string; data: string }[];
  /** Whether the server has ended it. */
  isOver(): boolean;
  close(): void;
}

describe('console: live updates', () => {
  let app: TestGateway;
  let visitor: Visitor;
  const listeners: Listener[] = [];

  beforeEach(async () => {
    app = await buildGateway();
    visitor = await signedIn(app);
    await beat();
  });
  afterEach(async () => {
    for (const listener of listeners.splice(0)) listener.close();
    await app.close();
  });

  const beat = () => createHeartbeat(app.gateway.core.db, app.gateway.core.now).beat();

  async function listen(path = '/console/live?mode=test', who = visitor): Promise<Listener> {
    const gone = new AbortController();
    const response = await fetch(app.url + path, {
      headers: { cookie: who.cookie },
      redirect: 'manual',
      signal: gone.signal,
    });
    let isOver = false;
    let text = '';
    const listener: Listener = {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      get events() {
        return text
          .split('\n\n')
          .filter((block) => block.startsWith('event: '))
          .map((block) => {
            const [first = '', ...lines] = block.split('\n');
            return { event: first.slice(7), data: lines.map((line) => line.replace(/^data: /, '')).join('\n') };
          });
      },
      isOver: () => isOver,
      close: () => gone.abort(),
    };
    listeners.push(listener);
    const read = async (): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
    };
    void read()
      .catch(() => undefined)
      .finally(() => {
        isOver = true;
      });
    return listener;
  }

  /** Lets the stream look until it has said so. */
  async function heard(what: string, isHeard: () => boolean, stepMs = 2 * second): Promise<void> {
    await eventually(what, async () => {
      await app.clock.advance(stepMs);
      return isHeard() ? true : undefined;
    });
  }

  const titles = ({ events }: Listener): string[] =>
    events.filter(({ event }) => event === 'strip').map(({ data }) => readStrip(data).title);

  it('begins with the strip, and sends it again when it says something new', async () => {
    const listener = await listen();
    expect(listener.status).to.equal(200);
    expect(listener.type).to.match(/^text\/event-stream/);
    await heard('the first strip', () => titles(listener).length > 0, 0);
    expect(titles(listener)).to.deep.equal(['All clear']);
    await app.clock.advance(31 * second);
    await heard('the missing worker', () => titles(listener).some((title) => /^No worker is running/.test(title)));
    await beat();
    await heard('all clear', () => titles(listener).at(-1) === 'All clear');
  });

  it('beats while nothing happens, so that its clock goes on', async () => {
    const listener = await listen();
    await heard('the first strip', () => listener.events.length === 1, 0);
    for (let n = 0; n < 10; n += 1) {
      await beat();
      await app.clock.advance(2 * second);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const clocks = new Set(listener.events.map(({ data }) => /strip-clock.*?datetime="([^"]+)"/.exec(data)?.[1]));
    expect(clocks.size).to.be.greaterThan(1);
  });

  it('says that Home has changed, to pages of Home only', async () => {
    const home = await listen('/console/live?mode=test&of=home');
    const elsewhere = await listen();
    await heard('the first strips', () => home.events.length > 0 && elsewhere.events.length > 0, 0);
    const { db, now } = app.gateway.core;
    await beat();
    await app.clock.advance(7 * second);
    const given = { tenantId: app.tenant.id, shortcodeId: app.tenant.shortcodeId, createdAt: now() };
    await insertSeeded(
      db,
      seededRows(given, [
        { to: 'submitting', at: now() },
        { to: 'succeeded', at: now() },
      ]),
    );
    await countTransitions(app.gateway.core);
    await heard('the change', () => home.events.some(({ event }) => event === 'changed'));
    expect(elsewhere.events.some(({ event }) => event === 'changed')).to.equal(false);
  });

  it('is not use: an idle session ends, and the page is told', async () => {
    const listener = await listen();
    await app.clock.advance(31 * minute);
    await heard('the end', () => listener.isOver(), 10 * second);
    expect(listener.events.at(-1)).to.deep.equal({ event: 'ended', data: 'session' });
    expect((await listen()).status).to.equal(302);
  });

  it('neither listening again nor Home’s own refresh is use; loading a page is', async () => {
    const seenAt = async (): Promise<number> => {
      const row = await app.gateway.core.db('sessions').where({ id: visitor.sessionId }).first('seen_at');
      return Number(row.seen_at);
    };
    const begun = await seenAt();
    const headers = { cookie: visitor.cookie, 'Lango-Background': 'refresh' };
    for (let n = 0; n < 3; n += 1) {
      await app.clock.advance(9 * minute);
      expect((await listen()).status).to.equal(200);
      expect((await listen('/console/live/?mode=test&of=home')).status).to.equal(200);
      expect((await fetch(`${app.url}/console?mode=test`, { headers })).status).to.equal(200);
      expect(await seenAt(), `after ${9 * (n + 1)} minutes`).to.equal(begun);
    }
    const flash = Buffer.from(JSON.stringify({ text: 'It is done.', tone: 'ok' })).toString('base64url');
    const cookie = `${visitor.cookie}; lango-flash=${flash}`;
    const [own, asked] = [{ ...headers, cookie }, { cookie }].map((given) =>
      fetch(`${app.url}/console?mode=test`, { headers: given }).then((answer) => answer.text()),
    );
    expect(await own, 'nor does it take what was to be said').not.to.contain('It is done.');
    expect(await asked).to.contain('It is done.');
    expect(await seenAt()).to.equal(app.clock.now());
    await app.clock.advance(31 * minute);
    const late = await fetch(`${app.url}/console?mode=test`, { headers, redirect: 'manual' });
    expect(late.status).to.equal(302);
  });

  it('ends when somebody ends the session', async () => {
    const listener = await listen();
    await app.gateway.core.db('sessions').where({ id: visitor.sessionId }).delete();
    await heard('the end', () => listener.isOver(), 10 * second);
    expect(listener.events.at(-1)!.event).to.equal('ended');
  });

  it('tells an operator of one tenant about that tenant', async () => {
    const limited = await signedIn(app, { tenantId: app.tenant.id });
    expect((await listen(`/console/live?mode=test&tenant=${(await app.addTenant()).id}`, limited)).status).to.equal(
      404,
    );
    expect((await listen('/console/live?mode=test', limited)).status).to.equal(200);
  });

  it('takes so many listeners and no more; pages go on to work', async () => {
    const all = await Promise.all(Array.from({ length: mostStreams }, () => listen()));
    expect(new Set(all.map(({ status }) => status))).to.deep.equal(new Set([200]));
    const refused = await listen();
    expect(refused.status).to.equal(503);
    expect((await visitor.get('/console?mode=test')).status).to.equal(200);
    for (const listener of all.slice(0, 5)) listener.close();
    await eventually('room for another', async () => ((await listen()).status === 200 ? true : undefined));
  });

  it('is over at once when the server stops', async () => {
    const listener = await listen();
    await heard('the first strip', () => listener.events.length > 0, 0);
    await app.gateway.stopWorking();
    await eventually('the end', () => (listener.isOver() ? true : undefined));
  });
});

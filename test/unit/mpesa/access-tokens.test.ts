// One token per pair of keys for all processes: two instances over one cache stand for two processes. Time moves only
// when the test says so.

import { expect } from 'chai';
import { createAccessTokens } from '../../../src/mpesa/access-tokens.ts';
import type { TokenAnswer } from '../../../src/mpesa/daraja-answers.ts';
import type { ShortcodeCredentials } from '../../../src/mpesa/daraja-client.ts';
import { createSealer } from '../../../src/platform/sealing.ts';
import { createInProcessCache, type SharedCache } from '../../../src/platform/shared-cache.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const credentials: ShortcodeCredentials = {
  credentialId: 'fingerprint-1',
  kind: 'paybill',
  shortcode: '174379',
  till: null,
  baseUrl: 'http://127.0.0.1:1',
  consumerKey: 'key',
  consumerSecret: 'secret',
  passkey: 'passkey',
};
const exchange = { httpStatus: 400, body: '', durationMs: 3 };
const refusal: TokenAnswer = { outcome: 'credentialsRefused', detail: 'HTTP 400, empty', exchange };

/** Safaricom's OAuth: numbers its tokens, and takes `tookMs` of the test's time for each. */
function setup(options: { cache?: SharedCache; tookMs?: number; lifetimeMs?: number } = {}) {
  const clock = createManualClock();
  const cache = options.cache ?? createInProcessCache(clock);
  const sealer = createSealer([Buffer.alloc(32, 7)]);
  const oauth = { fetches: 0, next: undefined as TokenAnswer | undefined };
  const process = () =>
    createAccessTokens({
      clock,
      cache,
      sealer,
      async fetchToken() {
        const token = `token-${++oauth.fetches}`;
        if (options.tookMs !== undefined)
          await new Promise<void>((resolve) => void clock.after(options.tookMs!, resolve));
        return oauth.next ?? { outcome: 'token', token, lifetimeMs: options.lifetimeMs ?? 3_599_000 };
      },
    });
  return { clock, cache, oauth, process };
}

describe('access tokens', () => {
  it('fetches once for many who ask at once', async () => {
    const { oauth, process } = setup();
    const tokens = process();
    const results = await Promise.all(Array.from({ length: 20 }, () => tokens.get(credentials)));
    expect(oauth.fetches).to.equal(1);
    for (const result of results) expect(result).to.include({ ok: true, token: 'token-1' });
    expect(await tokens.get(credentials)).to.include({ token: 'token-1', fresh: false });
  });

  it('fetches once for two processes that ask at the same time', async () => {
    const { clock, oauth, process } = setup({ tookMs: 800 });
    const asked = Promise.all([process().get(credentials), process().get(credentials)]);
    await clock.advance(1_500);
    const [first, second] = await asked;
    expect(oauth.fetches).to.equal(1);
    expect(first).to.include({ token: 'token-1', fresh: true });
    expect(second).to.include({ token: 'token-1', fresh: false });
  });

  it('fetches for itself when the process that holds the lock does not come back', async () => {
    const { clock, cache, oauth, process } = setup();
    await cache.acquire('daraja-token-lock:fingerprint-1', 60_000);
    const asked = process().get(credentials);
    await clock.advance(4_000);
    expect(await asked).to.include({ ok: true, token: 'token-1' });
    expect(oauth.fetches).to.equal(1);
  });

  it('keeps tokens of different credentials apart', async () => {
    const { oauth, process } = setup();
    const tokens = process();
    await tokens.get(credentials);
    expect(await tokens.get({ ...credentials, credentialId: 'fingerprint-2' })).to.include({ token: 'token-2' });
    expect(oauth.fetches).to.equal(2);
  });

  it('renews between one and five minutes before the end', async () => {
    const { clock, oauth, process } = setup();
    const tokens = process();
    await tokens.get(credentials);
    await clock.advance(3_599_000 - 300_000);
    expect(await tokens.get(credentials)).to.include({ token: 'token-1' });
    await clock.advance(240_000);
    expect(await tokens.get(credentials)).to.include({ token: 'token-2', fresh: true });
    expect(oauth.fetches).to.equal(2);
  });

  it('uses a token of short life for half of it', async () => {
    const { clock, process } = setup({ lifetimeMs: 60_000 });
    const tokens = process();
    await tokens.get(credentials);
    await clock.advance(29_000);
    expect(await tokens.get(credentials)).to.include({ token: 'token-1' });
    await clock.advance(2_000);
    expect(await tokens.get(credentials)).to.include({ token: 'token-2' });
  });

  it('drops the token that was refused, and only that one', async () => {
    const { oauth, process } = setup();
    const [one, two] = [process(), process()];
    await one.get(credentials);
    await two.get(credentials);
    await one.drop('fingerprint-1', 'token-1');
    expect(await one.get(credentials)).to.include({ token: 'token-2', fresh: true });
    // The other process still holds the first token, is refused with it, and finds the second in the cache.
    expect(await two.get(credentials)).to.include({ token: 'token-1' });
    await two.drop('fingerprint-1', 'token-1');
    expect(await two.get(credentials)).to.include({ token: 'token-2', fresh: false });
    expect(oauth.fetches).to.equal(2);
  });

  it('fetches once when many are refused with the same token', async () => {
    const { oauth, process } = setup();
    const tokens = process();
    await tokens.get(credentials);
    const again = async () => {
      await tokens.drop('fingerprint-1', 'token-1');
      return tokens.get(credentials);
    };
    for (const result of await Promise.all([again(), again(), again()])) {
      expect(result).to.include({ token: 'token-2' });
    }
    expect(oauth.fetches).to.equal(2);
  });

  it('takes the same text again when OAuth gives it again after it was dropped', async () => {
    const { oauth, process } = setup();
    oauth.next = { outcome: 'token', token: 'always-the-same', lifetimeMs: 3_599_000 };
    const tokens = process();
    await tokens.get(credentials);
    await tokens.drop('fingerprint-1', 'always-the-same');
    expect(await tokens.get(credentials)).to.include({ token: 'always-the-same', fresh: true });
    expect(await tokens.get(credentials)).to.include({ token: 'always-the-same', fresh: false });
    expect(oauth.fetches).to.equal(2);
  });

  it('keeps the token sealed in the cache', async () => {
    const { cache, process } = setup();
    await process().get(credentials);
    const box = await cache.get('daraja-token:fingerprint-1');
    expect(box).to.be.a('string');
    expect(box).not.to.contain('token-1');
  });

  it('fetches when the cache holds something that does not open', async () => {
    const { cache, process } = setup();
    await cache.set('daraja-token:fingerprint-1', 'rubbish', 60_000);
    expect(await process().get(credentials)).to.include({ token: 'token-1', fresh: true });
  });

  it('says that OAuth refused the credentials, and asks it again next time', async () => {
    const { oauth, process } = setup();
    oauth.next = refusal;
    const tokens = process();
    const result = await tokens.get(credentials);
    expect(result).to.deep.equal({
      ok: false,
      kind: 'credentials_refused',
      detail: 'HTTP 400, empty',
      retryAfterMs: null,
      exchange,
    });
    oauth.next = undefined;
    expect(await tokens.get(credentials)).to.include({ ok: true, token: 'token-2' });
  });

  it('hands on that OAuth could not be reached', async () => {
    const { oauth, process } = setup();
    oauth.next = { outcome: 'unreachable', detail: 'HTTP 503', retryAfterMs: 5_000, exchange };
    expect(await process().get(credentials)).to.include({ ok: false, kind: 'unreachable', retryAfterMs: 5_000 });
  });

  it('asks OAuth in any case for a check of the credentials', async () => {
    const { oauth, process } = setup();
    const tokens = process();
    await tokens.get(credentials);
    expect(await tokens.refresh(credentials)).to.include({ token: 'token-2', fresh: true });
    expect(await tokens.get(credentials)).to.include({ token: 'token-2' });
    expect(oauth.fetches).to.equal(2);
  });
});

describe('access tokens while the cache is away', () => {
  const away = async (): Promise<never> => {
    throw new Error('Redis is away');
  };
  const never = (): Promise<never> => new Promise(() => {});

  it('work from memory and by fetching when the cache throws', async () => {
    const cache: SharedCache = { get: away, set: away, delete: away, acquire: away, release: away };
    const { oauth, process } = setup({ cache });
    const tokens = process();
    expect(await tokens.get(credentials)).to.include({ token: 'token-1' });
    expect(await tokens.get(credentials)).to.include({ token: 'token-1' });
    await tokens.drop('fingerprint-1', 'token-1');
    expect(await tokens.get(credentials)).to.include({ token: 'token-2' });
    expect(oauth.fetches).to.equal(2);
  });

  it('do not wait for ever for a cache that hangs', async () => {
    const cache: SharedCache = { get: never, set: never, delete: never, acquire: never, release: never };
    const { clock, process } = setup({ cache });
    const asked = process().get(credentials);
    await clock.advance(10_000);
    expect(await asked).to.include({ token: 'token-1' });
  });

  it('do not take a dropped token from a cache that could not delete it', async () => {
    const clock = createManualClock();
    const cache: SharedCache = { ...createInProcessCache(clock), delete: away };
    const { process } = setup({ cache });
    const tokens = process();
    await tokens.get(credentials);
    await tokens.drop('fingerprint-1', 'token-1');
    expect(await tokens.get(credentials)).to.include({ token: 'token-2', fresh: true });
  });
});

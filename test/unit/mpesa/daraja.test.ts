// Push, query and the check of credentials with the whole way to a real HTTP server that plays Daraja: which token is
// used, when it is dropped, and that a push is posted again only when the refusal of the token proves it harmless.

import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { expect } from 'chai';
import { createAccessTokens } from '../../../src/mpesa/access-tokens.ts';
import { createDaraja, type Daraja } from '../../../src/mpesa/daraja.ts';
import { classifyTokenAnswer } from '../../../src/mpesa/daraja-answers.ts';
import { createDarajaClient, type ShortcodeCredentials } from '../../../src/mpesa/daraja-client.ts';
import type { Push } from '../../../src/payments/payment-provider.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createSealer } from '../../../src/platform/sealing.ts';
import { createInProcessCache } from '../../../src/platform/shared-cache.ts';

const checkoutId = 'ws_CO_06102026141530412712345678';
const callbackUrl = 'https://pay.example.com/callbacks/stk/pay_1/token';
const push: Push = {
  paymentId: 'pay_1',
  shortcodeId: 'sc_1',
  amountKes: 1500,
  phone: '254712345678',
  reference: 'INV-2031',
  description: 'Order 2031',
};

interface Answer {
  status: number;
  body: unknown;
}

const acceptance: Answer = {
  status: 200,
  body: { MerchantRequestID: '7c1e-4f0a', CheckoutRequestID: checkoutId, ResponseCode: '0' },
};
const tokenRefusal: Answer = {
  status: 404,
  body: { requestId: '1', errorCode: '404.001.03', errorMessage: 'Invalid Access Token' },
};
const emptyRefusal: Answer = { status: 400, body: '' };
const firewall: Answer = { status: 503, body: '<html>Incapsula</html>' };

function refusal(status: number, errorCode: string, errorMessage: string): Answer {
  return { status, body: { requestId: '1', errorCode, errorMessage } };
}

/** Daraja, played: `oauth`, `push` and `query` hold the next answers; the last one stays. Tokens are numbered. */
class PlayedDaraja {
  readonly oauth: Answer[] = [];
  readonly push: Answer[] = [];
  readonly query: Answer[] = [];
  fetches = 0;
  readonly pushTokens: string[] = [];
  readonly queryTokens: string[] = [];

  answer(request: http.IncomingMessage): Answer {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (request.url?.startsWith('/oauth/')) {
      const access_token = `token-${++this.fetches}`;
      return next(this.oauth) ?? { status: 200, body: { access_token, expires_in: '3599' } };
    }
    const isPush = request.url?.includes('processrequest');
    (isPush ? this.pushTokens : this.queryTokens).push(token);
    return next(isPush ? this.push : this.query) ?? acceptance;
  }
}

function next(answers: Answer[]): Answer | undefined {
  return answers.length > 1 ? answers.shift() : answers[0];
}

describe('Daraja', () => {
  const closers: (() => unknown)[] = [];
  let played: PlayedDaraja;
  let daraja: Daraja;
  let credentials: ShortcodeCredentials;
  let anotherProcess: () => Daraja;

  beforeEach(async () => {
    played = new PlayedDaraja();
    const server = http.createServer((request, response) => {
      request.resume().on('end', () => {
        const { status, body } = played.answer(request);
        response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    credentials = {
      credentialId: 'fingerprint',
      kind: 'paybill',
      shortcode: '174379',
      till: null,
      baseUrl: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
      consumerKey: 'consumer-key',
      consumerSecret: 'consumer-secret',
      passkey: 'the-passkey',
    };
    const client = createDarajaClient({ clock: systemClock, timeoutMs: 2_000 });
    const cache = createInProcessCache(systemClock);
    const sealer = createSealer([Buffer.alloc(32, 1)]);
    anotherProcess = () => {
      const fetchToken = async (asked: ShortcodeCredentials) =>
        classifyTokenAnswer(await client.fetchAccessToken(asked));
      return createDaraja({ tokens: createAccessTokens({ clock: systemClock, cache, sealer, fetchToken }), client });
    };
    daraja = anotherProcess();
    closers.push(
      () => server.close(),
      () => server.closeAllConnections(),
      () => client.close(),
    );
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const doPush = () => daraja.push(credentials, push, callbackUrl);

  describe('push', () => {
    it('fetches a token once and uses it again', async () => {
      expect(await doPush()).to.include({ outcome: 'accepted', checkoutRequestId: checkoutId });
      expect(await doPush()).to.include({ outcome: 'accepted' });
      expect(played.pushTokens).to.deep.equal(['token-1', 'token-1']);
      expect(played.fetches).to.equal(1);
    });

    it('drops a refused token, fetches one and posts once more', async () => {
      await doPush();
      played.push.push(tokenRefusal, acceptance);
      expect(await doPush()).to.include({ outcome: 'accepted' });
      expect(played.pushTokens).to.deep.equal(['token-1', 'token-1', 'token-2']);
    });

    it('rejects as invalid_credentials when a fresh token is refused as well', async () => {
      played.push.push(tokenRefusal);
      expect(await doPush()).to.include({
        outcome: 'rejected',
        failureCode: 'invalid_credentials',
        providerCode: '404.001.03',
        providerMessage: 'Invalid Access Token',
      });
      expect(played.pushTokens).to.deep.equal(['token-1', 'token-2']);
    });

    it('says why when the product is not on the app', async () => {
      played.push.push(refusal(401, '401', 'Invalid API call as no apiproduct match found'));
      const came = await doPush();
      expect(came).to.include({ outcome: 'rejected', failureCode: 'invalid_credentials', providerCode: '401' });
      expect(played.pushTokens).to.have.length(2);
    });

    it('tries a third token when the second was another process’s, voided as well', async () => {
      await doPush();
      const other = anotherProcess();
      played.push.push(tokenRefusal, acceptance);
      await other.push(credentials, push, callbackUrl);
      // We still hold token-1; the cache has token-2, which is refused as well; token-3 is our own.
      played.push.splice(0, 9, tokenRefusal, tokenRefusal, acceptance);
      expect(await doPush()).to.include({ outcome: 'accepted' });
      expect(played.pushTokens.slice(-3)).to.deep.equal(['token-1', 'token-2', 'token-3']);
    });

    it('is not sent while there is no token to be had', async () => {
      played.oauth.push(firewall);
      expect(await doPush()).to.include({ outcome: 'notSent', reason: 'no_token' });
      expect(played.pushTokens).to.have.length(0);
      expect(played.fetches).to.equal(1);
    });

    it('is not sent when OAuth cannot be connected to', async () => {
      credentials = { ...credentials, baseUrl: 'http://127.0.0.1:1' };
      expect(await doPush()).to.include({ outcome: 'notSent', reason: 'no_token' });
    });

    it('believes OAuth that refuses the credentials only the second time', async () => {
      played.oauth.push(emptyRefusal);
      expect(await doPush()).to.include({ outcome: 'rejected', failureCode: 'invalid_credentials' });
      expect(played.fetches).to.equal(2);
      expect(played.pushTokens).to.have.length(0);

      played.oauth.splice(0, 9, emptyRefusal, { status: 200, body: { access_token: 'late', expires_in: 3599 } });
      expect(await doPush()).to.include({ outcome: 'accepted' });
      expect(played.pushTokens).to.deep.equal(['late']);
    });

    it('posts once only when the outcome is unknown', async () => {
      for (const answer of [
        firewall,
        { status: 500, body: '' },
        refusal(500, '500.003.1001', 'Internal Server Error'),
      ]) {
        played.push.splice(0, 9, answer);
        played.pushTokens.length = 0;
        expect(await doPush()).to.include({ outcome: 'unknown' });
        expect(played.pushTokens).to.have.length(1);
      }
    });

    it('does not repeat a push after a 401 that is not Daraja’s, but takes another token for the next', async () => {
      played.push.push({ status: 401, body: '<html></html>' }, acceptance);
      expect(await doPush()).to.include({ outcome: 'unknown' });
      expect(await doPush()).to.include({ outcome: 'accepted' });
      expect(played.pushTokens).to.deep.equal(['token-1', 'token-2']);
    });

    it('keeps no secret in what it hands on', async () => {
      played.push.push(refusal(401, '401.002.01', 'Error Occurred - Invalid Access Token - token-1 token-2'));
      const text = JSON.stringify(await doPush());
      expect(text).to.contain('[redacted]');
      expect(text).not.to.match(/token-2"|the-passkey|consumer-(key|secret)/);
    });
  });

  describe('query', () => {
    const ask = () => daraja.query(credentials, checkoutId);

    it('gives a clear answer, with a new token if the old one is refused', async () => {
      const result = { ResponseCode: '0', CheckoutRequestID: checkoutId, ResultCode: '1032', ResultDesc: 'Cancelled' };
      played.query.push(tokenRefusal, { status: 200, body: result });
      expect(await ask()).to.include({ outcome: 'denied', resultCode: '1032', resultDesc: 'Cancelled' });
      expect(played.queryTokens).to.deep.equal(['token-1', 'token-2']);
    });

    it('gives no answer when tokens or credentials are refused', async () => {
      played.query.push(tokenRefusal);
      expect(await ask()).to.include({ outcome: 'noAnswer', reason: 'token_refused' });
      played.oauth.push(emptyRefusal);
      expect(await ask()).to.include({ outcome: 'noAnswer', reason: 'credentials_refused' });
      played.oauth.splice(0, 9, firewall);
      expect(await ask()).to.include({ outcome: 'noAnswer', reason: 'no_token' });
    });
  });

  describe('testCredentials', () => {
    const test = () => daraja.testCredentials(credentials);
    const nobody = refusal(500, '500.001.1001', 'The transaction does not Exist');

    it('accepts keys and passkey, and prompts nobody', async () => {
      played.query.push(nobody);
      expect(await test()).to.include({ outcome: 'accepted', passkeyChecked: true });
      expect(played.pushTokens).to.have.length(0);
    });

    it('asks OAuth anew although a token is at hand', async () => {
      await doPush();
      played.oauth.push(emptyRefusal);
      expect(await test()).to.include({ outcome: 'refused', failureCode: 'invalid_credentials' });
    });

    it('tells a wrong passkey and an unknown shortcode by the query', async () => {
      played.query.push(refusal(500, '500.001.1001', '[MerchantValidate] - Wrong credentials'));
      expect(await test()).to.include({
        outcome: 'refused',
        failureCode: 'invalid_credentials',
        detail: '500.001.1001 [MerchantValidate] - Wrong credentials',
      });
      played.query.splice(0, 9, refusal(500, '500.001.1001', 'Merchant does not exist'));
      expect(await test()).to.include({ outcome: 'refused', failureCode: 'misconfigured_shortcode' });
    });

    it('does not say that the passkey is right when the query does not show it', async () => {
      played.query.push(refusal(400, '400.002.02', 'Bad Request - Invalid CheckoutRequestID'));
      expect(await test()).to.include({ outcome: 'accepted', passkeyChecked: false });
    });

    it('says nothing about the credentials when OAuth does not answer', async () => {
      played.oauth.push(firewall);
      expect(await test()).to.include({ outcome: 'notAnswered' });
    });
  });
});

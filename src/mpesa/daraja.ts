// Daraja as the rest of `mpesa` uses it: push, query and a check of credentials, each with the token it needs. A push
// is posted again only after Daraja refused the token, which proves that nothing was done with the first one; whatever
// else comes back is the answer. Exchanges carry no secret, the client has taken them out.

import type { FailureCode } from '../payments/failures.ts';
import type { Exchange, Push, PushAnswer, QueryAnswer } from '../payments/payment-provider.ts';
import type { AccessTokens, TokenFailure, TokenResult } from './access-tokens.ts';
import { classifyPushAnswer, classifyQueryAnswer, type TokenRefused } from './daraja-answers.ts';
import type { DarajaClient, RawAnswer, ShortcodeCredentials } from './daraja-client.ts';

/** What a check of credentials came to. */
export type CredentialTest =
  /** OAuth gave a token. `passkeyChecked`: a query was answered in a way that shows the passkey to be right as well. */
  | { outcome: 'accepted'; passkeyChecked: boolean; detail: string }
  | { outcome: 'refused'; failureCode: FailureCode; detail: string; exchange: Exchange }
  /** Nothing can be said: the network, the firewall or Safaricom did not answer. */
  | { outcome: 'notAnswered'; detail: string; exchange: Exchange };

/** Without a token that Daraja takes nothing was done. `refused`: the credentials are; else OAuth did not answer. */
export interface NoToken {
  outcome: 'noToken';
  isRefused: boolean;
  detail: string;
  retryAfterMs: number | null;
}

export interface Daraja {
  /**
   * One call of the client's `timeoutMs`, two when a token must be fetched; when tokens are refused, slowly and each
   * time, nine at the very worst. The lease of whoever waits for it must outlast that, or be renewed.
   */
  push(credentials: ShortcodeCredentials, push: Push, callbackUrl: string): Promise<PushAnswer>;
  query(credentials: ShortcodeCredentials, checkoutRequestId: string): Promise<QueryAnswer>;
  /** Any other call, with a token like the others. `classify` says what its answer means. */
  call<Answer extends { outcome: string }>(
    credentials: ShortcodeCredentials,
    path: string,
    body: Record<string, string>,
    classify: (raw: RawAnswer) => Answer | TokenRefused,
  ): Promise<Answer | NoToken>;
  /** Asks OAuth for a new token and sends one query for an id that does not exist. Prompts nobody. */
  testCredentials(credentials: ShortcodeCredentials): Promise<CredentialTest>;
}

/** A lease that outlasts the longest call there can be: token, call, a fresh token, the call again, and a third round. */
export function longerThanAnyCallMs(timeoutMs: number): number {
  return 10 * timeoutMs + 15_000;
}

/** Rounds of token and call. The third is for a second token that another process had just voided. */
const mostRounds = 3;

/** Of the right form, and of no push: for checking a passkey by a query (daraja.md section 3). */
const nobodysCheckoutRequestId = 'ws_CO_010120200000000000000000000';

export function createDaraja({ tokens, client }: { tokens: AccessTokens; client: DarajaClient }): Daraja {
  /** A refusal by OAuth is believed when a second try is refused as well (design.md section 6). */
  async function getToken(credentials: ShortcodeCredentials): Promise<TokenResult> {
    const first = await tokens.get(credentials);
    return first.ok || first.kind !== 'credentials_refused' ? first : tokens.get(credentials);
  }

  /** Calls with a token; a token that is refused is dropped, and the call made again with another. */
  async function withToken<Answer extends { outcome: string }>(
    credentials: ShortcodeCredentials,
    call: (token: string) => Promise<Answer | TokenRefused>,
  ): Promise<Answer | TokenRefused | TokenFailure> {
    for (let round = 1; ; round++) {
      const token = await getToken(credentials);
      if (!token.ok) return token;
      const answer = await call(token.token);
      if (!isTokenRefused(answer)) return answer;
      await tokens.drop(credentials.credentialId, token.token);
      if (round === mostRounds || (round > 1 && token.fresh)) return answer;
    }
  }

  return {
    async push(credentials, push, callbackUrl) {
      const answer = await withToken<PushAnswer>(credentials, async (token) => {
        const raw = await client.stkPush(credentials, token, push, callbackUrl);
        const came = classifyPushAnswer(raw);
        // A 401 that is not Daraja's own proves nothing about this push, but the next one gets another token.
        if (came.outcome === 'unknown' && raw.kind === 'response' && raw.httpStatus === 401) {
          await tokens.drop(credentials.credentialId, token);
        }
        return came;
      });
      if ('ok' in answer) return pushWithoutToken(answer);
      if (isTokenRefused(answer)) return { ...answer, outcome: 'rejected', failureCode: 'invalid_credentials' };
      return answer;
    },

    async query(credentials, checkoutRequestId) {
      const answer = await withToken<QueryAnswer>(credentials, async (token) =>
        classifyQueryAnswer(await client.stkQuery(credentials, token, checkoutRequestId), checkoutRequestId),
      );
      if ('ok' in answer) {
        const reason = answer.kind === 'unreachable' ? 'no_token' : 'credentials_refused';
        return { outcome: 'noAnswer', reason, retryAfterMs: answer.retryAfterMs, exchange: answer.exchange };
      }
      if (!isTokenRefused(answer)) return answer;
      return { outcome: 'noAnswer', reason: 'token_refused', retryAfterMs: null, exchange: answer.exchange };
    },

    async call<Answer extends { outcome: string }>(
      credentials: ShortcodeCredentials,
      path: string,
      body: Record<string, string>,
      classify: (raw: RawAnswer) => Answer | TokenRefused,
    ): Promise<Answer | NoToken> {
      const answer = await withToken<Answer>(credentials, async (token) =>
        classify(await client.post(credentials, token, path, body)),
      );
      return 'ok' in answer || isTokenRefused(answer) ? callWithoutToken(answer) : answer;
    },

    async testCredentials(credentials) {
      const token = await tokens.refresh(credentials);
      if (!token.ok) return testWithoutToken(token);
      const raw = await client.stkQuery(credentials, token.token, nobodysCheckoutRequestId);
      // The query endpoint words its refusals as the push endpoint does, so they are read by the same table.
      const came = classifyPushAnswer(raw);
      if (isTokenRefused(came)) return refusedTest('invalid_credentials', came);
      const tellsOnShortcode = came.outcome === 'rejected' && came.failureCode !== 'invalid_request';
      if (tellsOnShortcode) return refusedTest(came.failureCode, came);
      const passkeyChecked = raw.kind === 'response' && /transaction does not exist/i.test(raw.text);
      const detail = passkeyChecked ? 'token given, passkey accepted' : 'token given, passkey not told';
      return { outcome: 'accepted', passkeyChecked, detail };
    },
  };
}

function isTokenRefused(answer: { outcome: string }): answer is TokenRefused {
  return answer.outcome === 'tokenRefused';
}

/** Without a token nothing was sent; credentials that OAuth refused twice will not be accepted a third time. */
function pushWithoutToken({ kind, detail, retryAfterMs, exchange }: TokenFailure): PushAnswer {
  const told = { providerCode: null, providerMessage: detail, exchange };
  if (kind === 'unreachable') return { outcome: 'notSent', reason: 'no_token', retryAfterMs, ...told };
  return { outcome: 'rejected', failureCode: 'invalid_credentials', ...told };
}

function callWithoutToken(answer: TokenFailure | TokenRefused): NoToken {
  if ('ok' in answer) {
    const { kind, detail, retryAfterMs } = answer;
    return { outcome: 'noToken', isRefused: kind === 'credentials_refused', detail, retryAfterMs };
  }
  const detail = [answer.providerCode, answer.providerMessage].filter((part) => part !== null).join(' ');
  return { outcome: 'noToken', isRefused: true, detail, retryAfterMs: null };
}

function testWithoutToken({ kind, detail, exchange }: TokenFailure): CredentialTest {
  if (kind === 'unreachable') return { outcome: 'notAnswered', detail, exchange };
  return { outcome: 'refused', failureCode: 'invalid_credentials', detail, exchange };
}

function refusedTest(
  failureCode: FailureCode,
  answer: { providerCode: string | null; providerMessage: string | null; exchange: Exchange },
): CredentialTest {
  const detail = [answer.providerCode, answer.providerMessage].filter((part) => part !== null).join(' ');
  return { outcome: 'refused', failureCode, detail, exchange: answer.exchange };
}

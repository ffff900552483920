// Everything Safaricom-shaped, joined: the client and its tokens, the pacer and the breaker, the budgets, and the
// provider that the heart sees.

import type { PaymentProvider } from '../payments/payment-provider.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { RateLimit, RateLimiter } from '../platform/rate-limits.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { SharedCache } from '../platform/shared-cache.ts';
import { createAccessTokens } from './access-tokens.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import { createDaraja, type Daraja } from './daraja.ts';
import { classifyTokenAnswer } from './daraja-answers.ts';
import { createDarajaClient } from './daraja-client.ts';
import { createMpesaProvider } from './mpesa-provider.ts';
import { createPacer } from './pacer.ts';
import { createShortcodeCache, type ShortcodeCache } from './shortcode-cache.ts';
import type { Environment } from './shortcode-store.ts';

export interface MpesaDeps {
  clock: Clock;
  logger: Logger;
  db: Db;
  sealer: Sealer;
  cache: SharedCache;
  limiter(name: string, limit: RateLimit): RateLimiter;
  callbackKey: Buffer;
}

export interface MpesaSettings {
  darajaUrls: Readonly<Record<Environment, string>>;
  darajaTimeoutMs: number;
  pushRatePerShortcode: RateLimit;
  queryRatePerCredential: Readonly<Record<Environment, RateLimit>>;
  publicUrl: string;
}

export interface Mpesa {
  provider: PaymentProvider;
  breaker: Breaker;
  daraja: Daraja;
  shortcodes: ShortcodeCache;
  close(): Promise<void>;
}

export function connectMpesa(deps: MpesaDeps, settings: MpesaSettings): Mpesa {
  const { clock, logger, db, sealer, cache, limiter, callbackKey } = deps;
  const { darajaUrls, publicUrl, queryRatePerCredential } = settings;
  const client = createDarajaClient({ clock, timeoutMs: settings.darajaTimeoutMs });
  const tokens = createAccessTokens({
    clock,
    cache,
    sealer,
    fetchToken: async (credentials) => classifyTokenAnswer(await client.fetchAccessToken(credentials)),
  });
  const breaker = createBreaker(clock);
  const daraja = createDaraja({ tokens, client });
  const shortcodes = createShortcodeCache(db, clock);
  const provider = createMpesaProvider({
    clock,
    logger,
    sealer,
    cache,
    breaker,
    shortcodes,
    daraja,
    darajaUrls,
    pacer: createPacer(limiter('push', settings.pushRatePerShortcode), clock),
    queryBudgets: {
      simulator: limiter('query', queryRatePerCredential.simulator),
      sandbox: limiter('query', queryRatePerCredential.sandbox),
      production: limiter('query', queryRatePerCredential.production),
    },
    publicUrl,
    callbackKey,
  });
  return { provider, breaker, daraja, shortcodes, close: () => client.close() };
}

// The console, joined: sessions, templates and pages, and what is derived again and again while somebody looks.

import type { CredentialsDeps } from '../mpesa/check-credentials.ts';
import type { SettleDeps } from '../payments/settle-payments.ts';
import type { AddressList } from '../platform/addresses.ts';
import { expireApprovals } from '../platform/approval-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import { createRenderer } from '../platform/render.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { SharedServices } from '../platform/shared-services.ts';
import { createAuditChain } from './audit-chain.ts';
import { createSituations } from './conditions-snapshot.ts';
import { createConsolePages } from './console-pages.ts';
import { createHomes } from './home-pages.ts';
import { addLivePages } from './live-pages.ts';
import { forgetOldSessions } from './manage-operators.ts';
import type { PaymentActDeps } from './payment-actions.ts';
import { addUnknownPages } from './problem-pages.ts';
import { createSessions } from './session.ts';
import type { StatementPageDeps } from './statement-pages.ts';
import { createStrips } from './strip.ts';
import type { SystemPageDeps } from './system-pages.ts';
import type { WebhookActDeps } from './webhook-act-pages.ts';

/** What the console shares with the rest of its process. */
export interface ConsoleSurroundings
  extends Pick<SharedServices, 'limiter' | 'cache' | 'queue' | 'redis' | 'redisProblem'>,
    Pick<CredentialsDeps, 'daraja'> {
  trustedProxies: AddressList;
  /** Callbacks that wait on this process's disk. */
  spoolDepth(): Promise<number>;
  /** What may be done with payments and webhooks. */
  payments: PaymentActDeps['payments'] & SettleDeps;
  webhooks: WebhookActDeps['webhooks'];
  statements: StatementPageDeps['statements'];
}

export interface ConsoleParts extends ConsoleSurroundings {
  db: Db;
  sealer: Sealer;
  clock: Clock;
  logger: Logger;
  now(): number;
  consoleKey: Buffer;
  auditKey: Buffer;
  /** Pepper of the hashes of API keys. */
  apiKeyPepper: Buffer;
  /** Keys the fingerprint of a credential pair. */
  blindIndexKey: Buffer;
  /** Signs the addresses that confirmations come to. */
  callbackKey: Buffer;
  settings: SystemPageDeps['settings'] &
    Pick<CredentialsDeps, 'darajaUrls'> & { publicUrl: string; needsTwoPersons: boolean };
}

export interface Console {
  router: ReturnType<typeof createConsolePages>;
  /** Ends the streams of pages that are open. */
  close(): void;
}

/** What no page needs any more: sessions that let nobody in, and what waited too long for a second person. */
export async function forgetWhatEnded(core: Pick<ConsoleParts, 'db' | 'now'>): Promise<void> {
  await forgetOldSessions(core);
  await expireApprovals(core.db, core.now());
}

/** Tries to sign in: of one address of the network, and for one account. */
const tries = {
  address: { points: 30, windowSeconds: 300 },
  account: { points: 10, windowSeconds: 900 },
} as const;

export function connectConsole(given: ConsoleParts): Console {
  const { limiter, settings, now } = given;
  const { publicUrl, darajaUrls, nodeEnv } = settings;
  // In production owners and operators need an authenticator.
  const parts = { ...given, publicUrl, darajaUrls, requiresTotp: nodeEnv === 'production', startedAt: now() };
  const auditChain = createAuditChain(parts);
  const readSituation = createSituations({ ...parts, auditChain });
  const homes = createHomes({ ...parts, readSituation });
  const deps = {
    ...parts,
    sessions: createSessions(parts),
    renderer: createRenderer('/console/assets'),
    addressLimiter: limiter('console-address', tries.address),
    accountLimiter: limiter('console-account', tries.account),
    readSituation,
    readStrip: createStrips(readSituation, parts.now),
    countAttention: homes.countAttention,
    homes,
    auditChain,
    settling: given.payments,
    acting: { ...given.payments, ...given },
    needsTwoPersons: settings.needsTwoPersons,
  };
  const router = createConsolePages(deps);
  const { close } = addLivePages(router, { ...deps, readPulse: homes.readPulse });
  addUnknownPages(router);
  return { router, close };
}

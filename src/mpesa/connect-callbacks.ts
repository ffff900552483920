// Where Safaricom's results and confirmations arrive, joined: who may send them, what takes them, the spool behind it,
// and what is written down about them.

import type { SettleDeps } from '../payments/settle-payments.ts';
import { createAddressList } from '../platform/addresses.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import { createCallbackAddresses } from './callback-addresses.ts';
import { createCallbackLog } from './callback-log.ts';
import type { CallbackRouteDeps } from './callback-routes.ts';
import type { ArrivedConfirmation, CallbackSpool } from './callback-spool.ts';
import type { ShortcodeCache } from './shortcode-cache.ts';
import { createConfirmationTaker, type HeardConfirmation, type OnConfirmationTaken } from './take-c2b.ts';
import { createCallbackTaker, type TakenCallback } from './take-callback.ts';

export interface CallbackParts extends SettleDeps {
  db: Db;
  clock: Clock;
  logger: Logger;
  spool: CallbackSpool;
  callbackKey: Buffer;
  shortcodes: ShortcodeCache;
  /** Counts of results of pushes. */
  metrics: {
    callbackTaken(result: TakenCallback, durationMs: number): void;
    forgedToken(): void;
  };
  /** Who hears C2B confirmations. */
  c2b: {
    hear(
      confirmations: readonly ArrivedConfirmation[],
      isAddressAllowed: (address: string, environment: string) => boolean,
    ): Promise<readonly HeardConfirmation[]>;
    onTaken: OnConfirmationTaken;
    onValidated(): void;
  };
}

export interface CallbackSettings {
  callbackAllowedIps: readonly string[] | null;
  callbackIpMode: 'enforce' | 'log';
  trustedProxies: readonly string[];
}

export interface Callbacks {
  routes: CallbackRouteDeps;
  /** Lets what waits in the spool take effect; how many. */
  drainSpool(): Promise<number>;
  flush(): Promise<void>;
  /** Waits for what is being written. */
  drain(): Promise<unknown>;
}

export function connectCallbacks(parts: CallbackParts, settings: CallbackSettings): Callbacks {
  const { now, logger, metrics, spool, c2b } = parts;
  const addresses = createCallbackAddresses(settings.callbackAllowedIps, settings.callbackIpMode, (address) =>
    logger.warn('callback.unlisted_address', { source_ip: address }),
  );
  const log = createCallbackLog({ db: parts.db, now, logger, count: metrics.callbackTaken });
  const taker = createCallbackTaker({ ...parts, isAddressAllowed: addresses.isAllowed, onTaken: log.taken });
  const confirmations = createConfirmationTaker({
    ...parts,
    hear: (arrived) => c2b.hear(arrived, addresses.isAllowed),
    onTaken: c2b.onTaken,
    findShortcode: parts.shortcodes.find,
    isAddressAllowed: addresses.isAllowed,
  });
  let draining: Promise<number> | null = null;
  return {
    routes: {
      now,
      logger,
      callbackKey: parts.callbackKey,
      taker,
      confirmations,
      trustedProxies: createAddressList(settings.trustedProxies),
      isAddressAllowedAnywhere: addresses.isAllowedAnywhere,
      onForgedToken: metrics.forgedToken,
      onValidated: c2b.onValidated,
    },
    drainSpool() {
      draining ??= spool
        .drain((arrived) => (arrived.kind === 'c2b' ? confirmations.takeAgain(arrived) : taker.takeAgain(arrived)))
        .finally(() => {
          draining = null;
        });
      return draining;
    },
    flush: log.flush,
    drain: () => Promise.all([taker.drain(), confirmations.drain()]),
  };
}

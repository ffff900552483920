// Takes a C2B confirmation whose token is right: durable first, in the database or in the spool, then acknowledged. What
// it comes to is reconciliation's business, which hears it through a port. A validation is asked before the money
// moves: it is always accepted, because to refuse one would be to judge a payment by nothing but a customer's typing.

import type { Clock } from '../platform/clock.ts';
import type { ArrivedConfirmation } from './callback-spool.ts';
import type { Shortcode } from './shortcode-store.ts';
import { createTaker, databasePatienceMs, type TakerDeps, within } from './take-arrived.ts';

/**
 * `kept`: a line, this one or the same one heard before. `stray`: not a line of this shortcode (it cannot be read, or
 * names another shortcode), kept and in sight. `refused`: its address may not call back.
 */
export type HeardConfirmation = 'kept' | 'stray' | 'refused' | 'unknown_shortcode';
export type TakenConfirmation = HeardConfirmation | 'spooled';

/** What became of one, for a line of the log and a count. */
export type OnConfirmationTaken = (
  result: TakenConfirmation,
  arrived: Pick<ArrivedConfirmation, 'shortcodeId' | 'requestId' | 'arrivedAt'>,
) => void;

export interface ConfirmationTakerDeps
  extends Pick<TakerDeps<ArrivedConfirmation, TakenConfirmation>, 'logger' | 'spool'> {
  clock: Clock;
  now(): number;
  /** Makes confirmations durable as lines. One that is heard again adds nothing. */
  hear(confirmations: readonly ArrivedConfirmation[]): Promise<readonly HeardConfirmation[]>;
  findShortcode(shortcodeId: string): Promise<Pick<Shortcode, 'environment'> | undefined>;
  isAddressAllowed(address: string, environment: string): boolean;
  onTaken: OnConfirmationTaken;
}

type Arriving = Omit<ArrivedConfirmation, 'kind' | 'arrivedAt'>;

export interface ConfirmationTaker {
  take(confirmation: Arriving): Promise<TakenConfirmation>;
  /** For one that waited in the spool. */
  takeAgain(confirmation: ArrivedConfirmation): Promise<void>;
  /** Whether this address may ask for a validation. While the database is away it may: nothing is kept of one. */
  mayValidate(shortcodeId: string, sourceIp: string): Promise<boolean>;
  drain(): Promise<void>;
}

export function createConfirmationTaker(deps: ConfirmationTakerDeps): ConfirmationTaker {
  async function hear(arrived: readonly ArrivedConfirmation[]): Promise<readonly TakenConfirmation[]> {
    const results = await deps.hear(arrived);
    for (const [index, result] of results.entries()) deps.onTaken(result, arrived[index]!);
    return results;
  }

  const taker = createTaker<ArrivedConfirmation, TakenConfirmation>({
    ...deps,
    write: hear,
    onSpooled(arrived) {
      deps.onTaken('spooled', arrived);
      return 'spooled';
    },
  });
  return {
    take: (arriving) => taker.take({ ...arriving, kind: 'c2b', arrivedAt: deps.now() }),
    takeAgain: taker.takeAgain,
    async mayValidate(shortcodeId, sourceIp) {
      const finding = deps.findShortcode(shortcodeId).catch(() => undefined);
      const shortcode = await within(deps.clock, databasePatienceMs, finding).catch(() => undefined);
      return shortcode === undefined || deps.isAddressAllowed(sourceIp, shortcode.environment);
    },
    drain: taker.drain,
  };
}

// What people do with the live sources of a shortcode: register its C2B URLs, register it for Pull. Safaricom is asked
// first; what it answered and who had asked is then written in one transaction. The URLs stay out of the audit log: who
// knows them may call them.

import {
  type AskedFeed,
  type FeedDeps,
  noteC2b,
  notePull,
  registerC2b,
  registerPull,
} from '../reconciliation/manage-feeds.ts';
import { type ActDeps, auditAct, type By } from './audit-act.ts';

export type FeedActDeps = ActDeps & FeedDeps;

/** @param reason null on the command line, where none is asked for */
export async function registerC2bAs(
  deps: FeedActDeps,
  by: By,
  shortcodeId: string,
  reason: string | null,
): Promise<AskedFeed> {
  const asked = await registerC2b(deps, shortcodeId);
  return writeDown(deps, by, asked, reason, ['shortcode.c2b_registered', 'shortcode.c2b_refused'], noteC2b);
}

/** @param reason null on the command line, where none is asked for */
export async function registerPullAs(
  deps: FeedActDeps,
  by: By,
  shortcodeId: string,
  phone: string,
  reason: string | null,
): Promise<AskedFeed> {
  const asked = await registerPull(deps, shortcodeId, phone);
  return writeDown(deps, by, asked, reason, ['shortcode.pull_registered', 'shortcode.pull_refused'], notePull);
}

function writeDown(
  deps: FeedActDeps,
  by: By,
  asked: AskedFeed,
  reason: string | null,
  [done, not]: readonly [string, string],
  note: (trx: ActDeps['db'], asked: AskedFeed, at: number) => Promise<boolean>,
): Promise<AskedFeed> {
  const { shortcode, outcome } = asked;
  return auditAct(deps, by, async (trx) => {
    const isNoted = await note(trx, asked, deps.now());
    const after = { outcome, shortcode: shortcode.shortcode };
    const entry = { tenantId: shortcode.tenantId, target: shortcode.id, reason, after };
    return { result: asked, entry: { action: isNoted ? done : not, ...entry } };
  });
}

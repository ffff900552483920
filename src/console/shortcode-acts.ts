// What people do with shortcodes: add one, pause and resume its prompts, replace its credentials, test them. What is
// written down of credentials is their fingerprint. New credentials need a second person, and rest sealed until then.

import {
  addShortcode,
  changeShortcodeStatus,
  type NewShortcode,
  openCredentials,
  readCredentials,
  replaceCredentials,
  type ShortcodeDeps,
  sealCredentials,
} from '../mpesa/manage-shortcodes.ts';
import { findShortcodeAcrossTenants, lockShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import type { Approved } from '../platform/approvals.ts';
import { appendAudit } from '../platform/audit-store.ts';
import type { Db } from '../platform/database.ts';
import { keyedHash } from '../platform/sealing.ts';
import { type ActDeps, auditAct, type By } from './audit-act.ts';

export type ShortcodeActDeps = ActDeps & ShortcodeDeps;

export function addShortcodeAs(deps: ShortcodeActDeps, by: By, request: NewShortcode): Promise<{ id: string }> {
  return auditAct(deps, by, async (trx) => {
    const result = await addShortcode({ ...deps, db: trx }, request);
    const added = (await findShortcodeAcrossTenants(trx, result.id))!;
    const { tenantId, mode, environment, kind, shortcode, till, isDefault, credentialId } = added;
    const after = { mode, environment, kind, shortcode, till, default: isDefault, fingerprint: credentialId };
    return { result, entry: { action: 'shortcode.added', tenantId, target: result.id, after } };
  });
}

/** @param reason null on the command line, where none is asked for */
export function changeShortcodeStatusAs(
  deps: ActDeps,
  by: By,
  shortcodeId: string,
  status: Shortcode['status'],
  reason: string | null,
): Promise<{ id: string; status: string }> {
  return auditAct(deps, by, async (trx) => {
    const before = await lockShortcodeAcrossTenants(trx, shortcodeId);
    const result = await changeShortcodeStatus({ ...deps, db: trx }, shortcodeId, status);
    if (before === undefined || before.status === status) return { result, entry: null };
    const action = status === 'active' ? 'shortcode.resumed' : 'shortcode.paused';
    const change = { before: { status: before.status }, after: { status, shortcode: before.shortcode } };
    return { result, entry: { action, tenantId: before.tenantId, target: shortcodeId, reason, ...change } };
  });
}

/** What the credentials of a shortcode are now, in a word that tells nothing of them; another one as soon as any of the three differs. */
export function credentialsState(
  { sealer, blindIndexKey }: Pick<ShortcodeDeps, 'sealer' | 'blindIndexKey'>,
  shortcode: Shortcode,
): string {
  try {
    const { consumer_key, consumer_secret, passkey } = openCredentials(sealer, shortcode);
    return keyedHash(blindIndexKey, JSON.stringify(['state', consumer_key, consumer_secret, passkey]), 16);
  } catch {
    // The key they were sealed with is gone: all the more reason to replace them.
    return `unreadable ${shortcode.credentialId}`;
  }
}

/** Puts the approved credentials in the place of those they were asked against; nothing when these are there no more. */
export async function replaceCredentialsAs(
  deps: ShortcodeActDeps,
  trx: Db,
  { approval, secret, by, isOnePerson }: Approved,
): Promise<(() => void) | null> {
  const { id, subject, stateKey, payload, reason, requestedName } = approval;
  const before = await lockShortcodeAcrossTenants(trx, subject);
  if (before === undefined || secret === null || credentialsState(deps, before) !== stateKey) return null;
  const sealed = sealCredentials(deps, before, readCredentials(JSON.parse(secret)));
  await replaceCredentials({ ...deps, db: trx }, subject, sealed);
  const change = {
    before: { fingerprint: before.credentialId },
    after: {
      fingerprint: sealed.credentialId,
      test: payload.test,
      shortcode: before.shortcode,
      approval: id,
      ...(isOnePerson ? { one_person: true } : { asked_by: requestedName }),
    },
  };
  const entry = { action: 'shortcode.credentials_replaced', tenantId: before.tenantId, target: subject, reason };
  await appendAudit(trx, deps.auditKey, { ...entry, ...by, ...change }, deps.now());
  return () => undefined;
}

/** A test changes nothing here, but fetches a new token: who asked for it is worth a line. */
export function noteCredentialTest(deps: ActDeps, by: By, tested: Shortcode, outcome: string): Promise<void> {
  const { id, tenantId, shortcode } = tested;
  const entry = { action: 'shortcode.credentials_tested', tenantId, target: id, after: { outcome, shortcode } };
  return auditAct(deps, by, async () => ({ result: undefined, entry }));
}

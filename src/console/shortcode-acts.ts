// What people do with shortcodes: add one, pause and resume its prompts, replace its credentials, test them. What is
// written down of credentials is their fingerprint. That a second person approves new credentials comes with the
// approvals of reconciliation; until then one person with the permission for secrets and a fresh code replaces them.

import {
  addShortcode,
  changeShortcodeStatus,
  type NewShortcode,
  replaceCredentials,
  type ShortcodeDeps,
} from '../mpesa/manage-shortcodes.ts';
import { findShortcodeAcrossTenants, lockShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
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

/** @param test what M-PESA said of them beforehand */
export function replaceCredentialsAs(
  deps: ActDeps,
  by: By,
  shortcodeId: string,
  sealed: Pick<Shortcode, 'credentialsSealed' | 'credentialId'>,
  { reason, test }: { reason: string; test: string },
): Promise<void> {
  return auditAct(deps, by, async (trx) => {
    const before = await lockShortcodeAcrossTenants(trx, shortcodeId);
    await replaceCredentials({ ...deps, db: trx }, shortcodeId, sealed);
    const change = {
      before: { fingerprint: before!.credentialId },
      after: { fingerprint: sealed.credentialId, test, shortcode: before!.shortcode },
    };
    const entry = { action: 'shortcode.credentials_replaced', tenantId: before!.tenantId, target: shortcodeId };
    return { result: undefined, entry: { ...entry, reason, ...change } };
  });
}

/** A test changes nothing here, but fetches a new token: who asked for it is worth a line. */
export function noteCredentialTest(deps: ActDeps, by: By, tested: Shortcode, outcome: string): Promise<void> {
  const { id, tenantId, shortcode } = tested;
  const entry = { action: 'shortcode.credentials_tested', tenantId, target: id, after: { outcome, shortcode } };
  return auditAct(deps, by, async () => ({ result: undefined, entry }));
}

// Whether M-PESA takes the credentials of the shortcodes, for `lango doctor` and the console. Nobody is prompted: OAuth gives a token,
// and one query for a push that never was shows whether the passkey is right.

import { failureCatalogue } from '../payments/failures.ts';
import type { Db } from '../platform/database.ts';
import { messageOf } from '../platform/errors.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Daraja } from './daraja.ts';
import { listShortcodeIdsAcrossTenants } from './diagnosis-store.ts';
import { toCredentials } from './mpesa-provider.ts';
import { type Environment, findShortcodeAcrossTenants, type Shortcode } from './shortcode-store.ts';

export interface CredentialsDeps {
  db: Db;
  sealer: Sealer;
  daraja: Daraja;
  darajaUrls: Readonly<Record<Environment, string>>;
}

export interface CredentialsFinding {
  shortcode: Pick<Shortcode, 'id' | 'shortcode' | 'environment' | 'tenantId'>;
  outcome: 'accepted' | 'refused' | 'notAnswered' | 'unreadable' | 'notAsked';
  detail: string;
}

/** At most `limit` shortcodes, one after the other; an environment that does not answer is asked once. */
export async function checkCredentials(
  deps: CredentialsDeps,
  limit: number,
): Promise<{ findings: CredentialsFinding[]; total: number }> {
  const { ids, total } = await listShortcodeIdsAcrossTenants(deps.db, limit);
  const silent = new Set<Environment>();
  const findings: CredentialsFinding[] = [];
  for (const id of ids) {
    const shortcode = await findShortcodeAcrossTenants(deps.db, id);
    if (shortcode === undefined) continue;
    const finding = silent.has(shortcode.environment)
      ? { outcome: 'notAsked' as const, detail: `${shortcode.environment} did not answer before` }
      : await testCredentialsOf(deps, shortcode);
    if (finding.outcome === 'notAnswered') silent.add(shortcode.environment);
    findings.push({ shortcode, ...finding });
  }
  return { findings, total };
}

/** Tests those of one shortcode, which need not be stored. */
export async function testCredentialsOf(
  { sealer, daraja, darajaUrls }: Omit<CredentialsDeps, 'db'>,
  shortcode: Shortcode,
): Promise<Pick<CredentialsFinding, 'outcome' | 'detail'>> {
  let credentials: ReturnType<typeof toCredentials>;
  try {
    credentials = toCredentials({ sealer, darajaUrls }, shortcode);
  } catch (thrown) {
    return { outcome: 'unreadable', detail: messageOf(thrown) };
  }
  const test = await daraja.testCredentials(credentials);
  if (test.outcome !== 'refused') return { outcome: test.outcome, detail: test.detail };
  return { outcome: 'refused', detail: `${failureCatalogue[test.failureCode].message} M-PESA said: ${test.detail}` };
}

// What an operator does with the live sources of a shortcode: have Safaricom send its confirmations here, and pull its
// transactions. Both ask Safaricom first, outside any transaction; what it answered is then written down by whoever
// asked, with a line in the audit log.

import { c2bUrls } from '../mpesa/c2b-token.ts';
import { checkCallbackUrl, forbiddenWordIn } from '../mpesa/callback-url-rules.ts';
import type { Daraja } from '../mpesa/daraja.ts';
import type { ShortcodeCredentials } from '../mpesa/daraja-client.ts';
import { getShortcode } from '../mpesa/manage-shortcodes.ts';
import { toCredentials } from '../mpesa/mpesa-provider.ts';
import { type Registration, registerC2bUrls, registerForPull } from '../mpesa/register-feeds.ts';
import type { Environment, Shortcode } from '../mpesa/shortcode-store.ts';
import { normalisePhone } from '../payments/phone.ts';
import type { Db } from '../platform/database.ts';
import { redactText } from '../platform/redaction.ts';
import type { Sealer } from '../platform/sealing.ts';
import { invalid } from '../platform/validation.ts';
import { findFeed, noteC2bRegistered, notePullRegistered } from './feed-store.ts';

export interface FeedDeps {
  db: Db;
  sealer: Sealer;
  daraja: Daraja;
  darajaUrls: Readonly<Record<Environment, string>>;
  publicUrl: string;
  callbackKey: Buffer;
}

export interface AskedFeed {
  shortcode: Shortcode;
  outcome: Registration['outcome'];
  /** What it came to and what to do, in sentences. */
  words: string;
}

const already =
  'Safaricom has URLs for this shortcode already and takes others only when those are gone. If they are the two of `lango shortcodes show`, all is well. Otherwise delete them in the M-PESA organisation portal (Self Service > URL Management), or have Safaricom’s API support delete them, and register again.';

/** Asks Safaricom to send the shortcode's confirmations here. Write it down with {@link noteC2b}. */
export async function registerC2b(deps: FeedDeps, shortcodeId: string): Promise<AskedFeed> {
  const shortcode = await getShortcode(deps, shortcodeId);
  const urls = c2bUrls(deps.publicUrl, deps.callbackKey, shortcodeId);
  const problem = checkCallbackUrl(deps.publicUrl, [shortcode.environment]).find(
    ({ severity }) => severity === 'problem',
  );
  if (problem !== undefined)
    return { shortcode, outcome: 'refused', words: `PUBLIC_URL will not do: ${problem.detail}. Nothing was sent.` };
  const credentials = openOrWords(deps, shortcode);
  if ('words' in credentials) return credentials;
  const { outcome, detail } = withoutSecrets(await registerC2bUrls(deps.daraja, credentials, urls));
  const word = shortcode.environment === 'simulator' ? null : forbiddenWordIn(urls.confirmationUrl);
  const hint = word === null ? '' : ` The URL has the word “${word}”, which Safaricom’s rules forbid.`;
  const words: Record<Registration['outcome'], string> = {
    registered: `Safaricom sends the confirmations of ${shortcode.shortcode} here from now on.`,
    alreadyRegistered: `${already} Safaricom said: ${detail}`,
    refused: `Safaricom refuses it: ${detail}.${hint} The app at developer.safaricom.co.ke needs the product for C2B.`,
    unclear: `Safaricom gave no clear answer: ${detail}.${hint} It may have been done. Try again later.`,
  };
  return { shortcode, outcome, words: words[outcome] };
}

/**
 * Registers a shortcode for Pull Transactions; one that is registered already will do.
 * @param phone the number Safaricom has nominated for it, in any Kenyan form
 */
export async function registerPull(deps: FeedDeps, shortcodeId: string, phone: string): Promise<AskedFeed> {
  const nominated = normalisePhone(phone);
  if (nominated === undefined)
    throw invalid([{ parameter: 'phone', code: 'wrong_format', detail: 'Give a Kenyan number such as 254712345678.' }]);
  const shortcode = await getShortcode(deps, shortcodeId);
  if (shortcode.environment === 'sandbox') {
    const words =
      'Safaricom’s sandbox has no Pull Transactions: only live shortcodes have. Use the simulator for tests. Nothing was sent.';
    return { shortcode, outcome: 'refused', words };
  }
  const credentials = openOrWords(deps, shortcode);
  if ('words' in credentials) return credentials;
  // It is asked for and, as far as is known, never called. What came there would be kept and seen.
  const { confirmationUrl: callbackUrl } = c2bUrls(deps.publicUrl, deps.callbackKey, shortcodeId);
  const said = await registerForPull(deps.daraja, credentials, { phone: nominated, callbackUrl });
  const { outcome, detail } = withoutSecrets(said);
  const begins = `${shortcode.shortcode} is pulled from now on: every 15 minutes, and each night for 48 hours back.`;
  const words: Record<Registration['outcome'], string> = {
    registered: begins,
    alreadyRegistered: `It was registered before. ${begins}`,
    refused: `Safaricom refuses it: ${detail}. Only live shortcodes have Pull Transactions, and the app needs the product for it.`,
    unclear: `Safaricom gave no clear answer: ${detail}. Try again later: registering twice does no harm.`,
  };
  return { shortcode, outcome, words: words[outcome] };
}

/** Writes down that confirmations come here, where they do; whether they do. */
export async function noteC2b(trx: Db, { shortcode, outcome }: AskedFeed, at: number): Promise<boolean> {
  if (outcome !== 'registered') return false;
  await noteC2bRegistered(trx, shortcode.id, at);
  return true;
}

/** From now on it is pulled, the first time at once; whether it is. */
export async function notePull(trx: Db, { shortcode, outcome }: AskedFeed, at: number): Promise<boolean> {
  if (outcome !== 'registered' && outcome !== 'alreadyRegistered') return false;
  await notePullRegistered(trx, shortcode.id, at);
  return true;
}

export interface DescribedFeed {
  confirmationUrl: string;
  validationUrl: string;
  c2bRegisteredAt: number | null;
  c2bLastHeardAt: number | null;
  pullRegisteredAt: number | null;
  pulledAt: number | null;
  pullProblem: string | null;
}

/** Where a shortcode's confirmations arrive, and how its sources stand. The URLs are as good as a password. */
export async function describeFeed(
  deps: Pick<FeedDeps, 'db' | 'publicUrl' | 'callbackKey'>,
  shortcodeId: string,
): Promise<DescribedFeed> {
  const feed = await findFeed(deps.db, shortcodeId);
  return {
    ...c2bUrls(deps.publicUrl, deps.callbackKey, shortcodeId),
    c2bRegisteredAt: feed?.c2bRegisteredAt ?? null,
    c2bLastHeardAt: feed?.c2bLastHeardAt ?? null,
    pullRegisteredAt: feed?.pullRegisteredAt ?? null,
    pulledAt: feed?.pulledAt ?? null,
    pullProblem: feed?.pullProblem ?? null,
  };
}

/** Safaricom may quote what it was sent: the number, or our URL. */
function withoutSecrets({ outcome, detail }: Registration): Registration {
  return { outcome, detail: redactText(detail) };
}

function openOrWords(deps: FeedDeps, shortcode: Shortcode): ShortcodeCredentials | AskedFeed {
  try {
    return toCredentials(deps, shortcode);
  } catch {
    const words =
      'The credentials of the shortcode cannot be read. Check the master key, or replace them. Nothing was sent.';
    return { shortcode, outcome: 'refused', words };
  }
}

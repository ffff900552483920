// Tells Safaricom where C2B confirmations of a shortcode go, and that its transactions will be pulled (daraja.md
// sections 6.3 and 6.4). Both are said once for a shortcode. Whatever is no clear yes is not taken for one.

import type { C2bUrls } from './c2b-token.ts';
import type { Daraja, NoToken } from './daraja.ts';
import { readAnswer, type TokenRefused } from './daraja-answers.ts';
import type { RawAnswer, ShortcodeCredentials } from './daraja-client.ts';
import { byPlainName, readText } from './line-values.ts';
import { readResultCode } from './result-codes.ts';

/** `unclear`: no clear answer, it may have been done. */
export interface Registration {
  outcome: 'registered' | 'alreadyRegistered' | 'refused' | 'unclear';
  /** M-PESA's own words, or why there are none. */
  detail: string;
}

export async function registerC2bUrls(
  daraja: Daraja,
  credentials: ShortcodeCredentials,
  { confirmationUrl, validationUrl }: C2bUrls,
): Promise<Registration> {
  const body = {
    ShortCode: credentials.shortcode,
    // What is not validated in time is completed all the same: whoever pays has decided already.
    ResponseType: 'Completed',
    ConfirmationURL: confirmationUrl,
    ValidationURL: validationUrl,
  };
  return withoutToken(
    await daraja.call(credentials, '/mpesa/c2b/v2/registerurl', body, (raw) => classifyRegistration(raw, c2bCodes)),
  );
}

/** @param phone the number Safaricom is told to ask in case of doubt, 254XXXXXXXXX */
export async function registerForPull(
  daraja: Daraja,
  credentials: ShortcodeCredentials,
  { phone, callbackUrl }: { phone: string; callbackUrl: string },
): Promise<Registration> {
  const body = {
    ShortCode: credentials.shortcode,
    RequestType: 'Pull',
    NominatedNumber: phone,
    CallBackURL: callbackUrl,
  };
  return withoutToken(
    await daraja.call(credentials, '/pulltransactions/v1/register', body, (raw) =>
      classifyRegistration(raw, pullCodes),
    ),
  );
}

interface Codes {
  done: RegExp;
  already: RegExp | null;
}

/** That URLs are registered already has the code of any internal error (500.003.1001): there the words decide. */
export const c2bCodes: Codes = { done: /^0+$/, already: null };
export const pullCodes: Codes = { done: /^(1000|0+)$/, already: /^1001$/ };

/** The older sample of Pull has its keys with a blank (`Response Status`). */
export function classifyRegistration(raw: RawAnswer, codes: Codes): Registration | TokenRefused {
  if (raw.kind !== 'response') return { outcome: 'unclear', detail: raw.detail };
  const { body, refusal, tokenRefused } = readAnswer(raw);
  if (tokenRefused !== null) return tokenRefused;
  if (body === undefined) return { outcome: 'unclear', detail: `HTTP ${raw.httpStatus}, not JSON` };
  const fields = byPlainName(body);
  const code = readResultCode(fields.get('responsestatus')) ?? readResultCode(fields.get('responsecode')) ?? '';
  const words =
    readText(fields.get('responsedescription')) ?? readText(fields.get('responsemessage')) ?? refusal?.message ?? '';
  const detail = `${refusal?.code ?? code} ${words}`.trim();
  if (/already registered/i.test(words)) return { outcome: 'alreadyRegistered', detail };
  if (refusal !== undefined) {
    const isOurs = /^40\d\./.test(refusal.code) || (raw.httpStatus >= 400 && raw.httpStatus < 500);
    return { outcome: isOurs && raw.httpStatus !== 429 ? 'refused' : 'unclear', detail };
  }
  if (raw.httpStatus >= 200 && raw.httpStatus < 300 && codes.done.test(code)) return { outcome: 'registered', detail };
  if (codes.already?.test(code) === true) return { outcome: 'alreadyRegistered', detail };
  return { outcome: 'unclear', detail: detail === '' ? `HTTP ${raw.httpStatus} without a code` : detail };
}

function withoutToken(answer: Registration | NoToken): Registration {
  if (answer.outcome !== 'noToken') return answer;
  return { outcome: answer.isRefused ? 'refused' : 'unclear', detail: answer.detail };
}

// What M-PESA tells a shortcode's C2B URLs: a confirmation of each payment, a paid push's included, and before it the
// question whether the payment may go through, where validation is on (daraja.md section 6.3). One attempt each. The
// payer is never shown in full.

import { messageOf } from '../platform/errors.ts';
import type { Entry } from './account-book.ts';
import { reasons } from './book-payment.ts';
import { normal } from './faults.ts';
import { darajaTimestamp } from './nairobi-time.ts';
import { c2bPhone, firstName } from './payer.ts';
import { postJson } from './post-json.ts';
import { fieldText } from './push-request.ts';
import { parseObject } from './read-text.ts';
import type { C2bUrls } from './registry.ts';
import { track } from './send-callback.ts';
import type { World } from './world.ts';

const confirmationTimeoutMs = 5_000;
const validationTimeoutMs = 8_000;

/** What a body tells of. */
export type Told = Pick<Entry, 'receipt' | 'shortcode' | 'at' | 'amount' | 'account' | 'reason'> & { phone: string };

/**
 * Plans the confirmations of a payment, none where no URLs are registered or a fault keeps it silent. `next` runs once
 * the first was answered, or at once when there is none. Resolves when those planned for now have been sent.
 */
export async function planConfirmations(
  world: World,
  entry: Entry,
  next: () => Promise<void> = async () => {},
): Promise<void> {
  const urls = world.registry.c2bUrls.get(entry.shortcode);
  const fault = urls === undefined ? normal : world.dials.take('confirmation', entry.phone ?? '');
  if (urls === undefined || entry.hiddenFrom.includes('c2b') || fault === 'lost') return next();
  const { confirmationMs, duplicateGapMs, lateCallbackMs } = world.settings;
  const first = fault === 'late' ? confirmationMs + lateCallbackMs : confirmationMs;
  const sentNow: Promise<unknown>[] = [];
  world.timers.after(first, () => {
    sentNow.push(track(world, confirm(world, urls, entry, fault).then(next)));
  });
  if (fault === 'twice') {
    world.timers.after(first + duplicateGapMs, () => {
      sentNow.push(track(world, confirm(world, urls, entry, fault)));
    });
  }
  await Promise.all(sentNow);
}

/** For money that nobody waits for. */
export function announcePayment(world: World, entry: Entry): Promise<void> {
  world.ledger.noteOf(
    world.timers.now(),
    'Paid without a push',
    `${entry.account}, KES ${entry.amount.toLocaleString('en-US')}`,
  );
  return planConfirmations(world, entry);
}

/** Whether the shortcode's ValidationURL lets a payment through; true where nobody is to be asked. */
export async function isValidated(world: World, told: Told): Promise<boolean> {
  const urls = world.registry.c2bUrls.get(told.shortcode);
  if (!world.settings.validation || urls === undefined) return true;
  const body = c2bBody(world, urls, told, '');
  const { validationUrl: url } = urls;
  const answer = await track(world, post(world, { kind: 'validation', url, body, fault: normal, told }));
  // Without an answer the ResponseType of the registration decides.
  if (answer === undefined) return urls.responseType === 'Completed';
  return fieldText(parseObject(answer)?.ResultCode) === '0';
}

function confirm(world: World, urls: C2bUrls, entry: Entry, fault: string): Promise<unknown> {
  const told = { ...entry, phone: entry.phone ?? '' };
  const balance = world.book.balanceAfter(entry, world.settings.openingBalance).toFixed(2);
  const body = fault === 'unreadable' ? '{"TransactionType":"Pay Bi' : c2bBody(world, urls, told, balance);
  return post(world, { kind: 'confirmation', url: urls.confirmationUrl, body, fault, told });
}

function c2bBody(world: World, { version }: C2bUrls, told: Told, balance: string): string {
  return JSON.stringify({
    TransactionType: told.reason === reasons.till ? 'Buy Goods' : 'Pay Bill',
    TransID: told.receipt,
    TransTime: darajaTimestamp(told.at),
    TransAmount: told.amount.toFixed(2),
    BusinessShortCode: told.shortcode,
    BillRefNumber: told.account,
    InvoiceNumber: '',
    OrgAccountBalance: balance,
    ThirdPartyTransID: '',
    MSISDN: c2bPhone(told.phone, version, world.settings.confirmationPhone),
    FirstName: firstName(told.phone),
    MiddleName: '',
    LastName: '',
  });
}

interface Posted {
  kind: 'confirmation' | 'validation';
  url: string;
  body: string;
  fault: string;
  told: Told;
}

/** The answer of a 2xx, or undefined. Never throws: a receiver that fails becomes a row of the ledger. */
async function post(world: World, { kind, url, body, fault, told }: Posted): Promise<string | undefined> {
  const timeoutMs = kind === 'validation' ? validationTimeoutMs : confirmationTimeoutMs;
  const row = { at: world.timers.now(), kind, shortcode: told.shortcode, receipt: told.receipt, url, body, fault };
  const sent = await postJson(world.timers, { url, body, headers: {}, timeoutMs }).then(
    ({ status, text }) => ({ ...row, status, answer: text, error: null }),
    (error: unknown) => ({ ...row, status: null, answer: '', error: messageOf(error) }),
  );
  world.ledger.addConfirmation(sent);
  const answered = sent.status === null ? sent.error : String(sent.status);
  const payment = `${told.account}, KES ${told.amount.toLocaleString('en-US')}`;
  world.ledger.noteOf(world.timers.now(), `C2B ${kind} sent, ${told.receipt}`, payment, answered ?? 'no answer');
  const isTaken = sent.status !== null && sent.status >= 200 && sent.status < 300;
  return isTaken ? sent.answer : undefined;
}

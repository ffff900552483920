// What the customer, or M-PESA itself, does with a push: the result codes of daraja.md section 5, one published test
// number for each, and the rules a test or an operator may lay over them. The most particular rule wins: for the next
// push, for a phone, for an amount, then the published number, then the switch for all other numbers.

import type { Settings } from './settings.ts';

/** A push that is accepted and of which nothing is ever heard again. */
export const silence = 'silent';
/** A prompt that waits for somebody at the handset. */
export const ask = 'ask';

export interface ResultText {
  /** ResultDesc in the callback. */
  callback: string;
  /** ResultDesc in the query, where it differs (daraja.md section 3: map on the code only). */
  query?: string;
  /** Whether the customer saw a prompt before this result. */
  prompted: boolean;
}

const limitRule = 'Declined due to limit rule:';

export const resultTexts: Readonly<Record<string, ResultText>> = {
  '0': { callback: 'The service request is processed successfully.', prompted: true },
  '1': { callback: 'The balance is insufficient for the transaction.', prompted: true },
  '2': { callback: `${limitRule} less than the minimum transaction amount.`, prompted: false },
  '3': { callback: `${limitRule} greater than the maximum transaction amount.`, prompted: false },
  '4': { callback: `${limitRule} would exceed daily transfer limit.`, prompted: true },
  '8': { callback: `${limitRule} would exceed the maximum balance.`, prompted: true },
  '11': { callback: 'The DebitParty is in an invalid state.', prompted: false },
  '12': { callback: 'The CreditParty is in an invalid state.', prompted: false },
  '15': { callback: 'Duplicate Detected.', prompted: false },
  '17': { callback: 'Rule limited.', prompted: false },
  '26': { callback: 'System busy. The service request is rejected.', prompted: false },
  '1001': {
    callback: 'Unable to lock subscriber, a transaction is already in process for the current subscriber.',
    prompted: false,
  },
  '1019': { callback: 'Transaction has expired.', prompted: true },
  '1025': { callback: 'An error occurred while sending a push request.', prompted: false },
  '1031': { callback: 'Request cancelled by user', prompted: true },
  '1032': { callback: 'Request cancelled by user', query: 'Request Cancelled by user.', prompted: true },
  '1036': { callback: 'SMSC ACK timeout.', prompted: true },
  '1037': { callback: 'No response from user.', query: 'DS timeout user cannot be reached.', prompted: false },
  '2001': { callback: 'The initiator information is invalid.', prompted: true },
  '2007': { callback: 'The transaction was refused by external validation.', prompted: true },
  '2028': { callback: 'The request is not permitted according to product assignment.', prompted: false },
  '2040': {
    callback: 'Credit Party customer type (Unregistered or Registered Customer) cannot be supported.',
    prompted: false,
  },
  '8006': { callback: 'The security credential is locked.', prompted: true },
  '9999': { callback: 'Request failed.', prompted: false },
  SFC_IC0003: { callback: 'The operator does not exist.', prompted: false },
  E3008: { callback: 'Error, the user has a bad debt contract.', prompted: false },
};

export interface TestNumber {
  phone: string;
  code: string;
  meaning: string;
}

/** Published on the handset page. Any other number gets a prompt on the handset (or what `autoAnswer` says). */
export const testNumbers: readonly TestNumber[] = [
  { phone: '254708374149', code: '0', meaning: 'Pays' },
  { phone: '254700000000', code: '1032', meaning: 'Cancels the prompt' },
  { phone: '254711111111', code: '1', meaning: 'Has not enough money' },
  { phone: '254700002001', code: '2001', meaning: 'Enters a wrong PIN' },
  { phone: '254700001037', code: '1037', meaning: 'Cannot be reached: phone off, or no answer' },
  { phone: '254700001019', code: '1019', meaning: 'Does not finish in time' },
  { phone: '254700001036', code: '1036', meaning: 'Sees the prompt, but the answer comes back too late' },
  { phone: '254700001031', code: '1031', meaning: 'Cancels, with the older code' },
  { phone: '254700001001', code: '1001', meaning: 'Is busy with another M-PESA session' },
  { phone: '254700001025', code: '1025', meaning: 'Cannot be sent the prompt' },
  { phone: '254700000002', code: '2', meaning: 'Amount under the minimum' },
  { phone: '254700000003', code: '3', meaning: 'Amount over the maximum' },
  { phone: '254700000004', code: '4', meaning: 'Over the daily limit' },
  { phone: '254700000008', code: '8', meaning: 'The receiving account is full' },
  { phone: '254700000011', code: '11', meaning: 'The payer’s account is not active' },
  { phone: '254700000012', code: '12', meaning: 'The receiving account is not active' },
  { phone: '254700000015', code: '15', meaning: 'Duplicate detected' },
  { phone: '254700000017', code: '17', meaning: 'Same amount again within two minutes' },
  { phone: '254700000026', code: '26', meaning: 'M-PESA is busy' },
  { phone: '254700002007', code: '2007', meaning: 'Is refused by the merchant’s own validation' },
  { phone: '254700002028', code: '2028', meaning: 'The shortcode may not do this' },
  { phone: '254700002040', code: '2040', meaning: 'Is not an M-PESA customer' },
  { phone: '254700008006', code: '8006', meaning: 'PIN is locked' },
  { phone: '254700009999', code: '9999', meaning: 'Fails without a reason' },
  { phone: '254700010003', code: 'SFC_IC0003', meaning: 'No such till or operator' },
  { phone: '254700003008', code: 'E3008', meaning: 'Owes Safaricom; refused at once' },
  { phone: '254700004999', code: silence, meaning: 'Never any result: no callback, the query says 4999 for ever' },
];

const numberCodes = new Map(testNumbers.map(({ phone, code }) => [phone, code]));

export interface Outcome {
  /** A result code, `ask` for an interactive prompt, or `silent`. */
  code: string;
  /** Instead of the usual time for this code. */
  afterMs?: number | undefined;
}

export interface OutcomeRule extends Outcome {
  /** Exactly one of the three says when it holds. */
  phone?: string | undefined;
  amount?: number | undefined;
  /** For this many of the next pushes, whoever pays. */
  next?: number | undefined;
}

const mostRules = 2_000;

export class OutcomeRules {
  readonly byPhone = new Map<string, Outcome>();
  readonly byAmount = new Map<number, Outcome>();
  readonly queue: Outcome[] = [];

  add(rule: OutcomeRule): void {
    const outcome: Outcome =
      rule.afterMs === undefined ? { code: rule.code } : { code: rule.code, afterMs: rule.afterMs };
    if (rule.phone !== undefined) remember(this.byPhone, rule.phone, outcome);
    else if (rule.amount !== undefined) remember(this.byAmount, rule.amount, outcome);
    else for (let left = Math.min(rule.next ?? 1, mostRules); left > 0; left--) this.queue.push(outcome);
    this.queue.splice(0, Math.max(0, this.queue.length - mostRules));
  }

  clear(): void {
    this.byPhone.clear();
    this.byAmount.clear();
    this.queue.length = 0;
  }

  /** Decides once for one accepted push; uses up a rule for the next push. */
  take(phone: string, amount: number, settings: Settings): Outcome {
    const ruled = this.queue.shift() ?? this.byPhone.get(phone) ?? this.byAmount.get(amount);
    if (ruled !== undefined) return ruled;
    if (phone === '254708374149' && settings.testNumber === 'unreachable') return { code: '1037' };
    return { code: numberCodes.get(phone) ?? settings.autoAnswer ?? ask };
  }
}

function remember<Key>(map: Map<Key, Outcome>, key: Key, outcome: Outcome): void {
  map.delete(key);
  map.set(key, outcome);
  if (map.size > mostRules) map.delete(map.keys().next().value as Key);
}

/** ResultDesc of a code in either channel; codes nobody published get a plain sentence. */
export function resultText(code: string, channel: 'callback' | 'query'): string {
  const text = resultTexts[code];
  if (text === undefined) return `Request failed with code ${code}.`;
  return channel === 'query' ? (text.query ?? text.callback) : text.callback;
}

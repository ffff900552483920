// Everything that can go wrong between the gateway and Safaricom, by name, and the dials that choose it: for the next
// one, for every fifth, or for all; for everybody or for one phone. Only the choice lives here; what a fault does to an
// answer is in `accept-push`, `answer-query` and `answer-oauth`, what it does to a callback in `plan-callbacks`.

export const faultGroups = ['oauth', 'push', 'query', 'callback', 'c2b', 'confirmation', 'pull'] as const;
export type FaultGroup = (typeof faultGroups)[number];

export interface Fault {
  name: string;
  label: string;
  /** What it means, for the page. */
  note: string;
  /** Shown on the page without unfolding. */
  main?: boolean;
}

export const normal = 'normal';

export const faults: Readonly<Record<FaultGroup, readonly Fault[]>> = {
  oauth: [
    { name: 'bad_credentials', label: 'Refused', note: 'empty 400, as for a wrong key' },
    { name: 'waf_403', label: 'Firewall, 403', note: 'HTML, Incapsula' },
    { name: 'waf_503', label: 'Firewall, 503', note: 'HTML, Incapsula' },
    { name: 'outage', label: 'Outage', note: 'HTTP 500, empty' },
    { name: 'slow', label: 'Slow', note: 'after the time-out' },
    { name: 'lost', label: 'Lost', note: 'the connection breaks' },
  ],
  push: [
    { name: 'slow', label: 'Slow', note: 'taken, answered after the time-out', main: true },
    { name: 'lost', label: 'Lost', note: 'the push is taken, the answer never comes', main: true },
    { name: 'http_500', label: 'HTTP 500', note: '500.003.1001, outcome unknown: taken', main: true },
    { name: 'spike_arrest', label: 'Spike arrest', note: 'HTTP 429, nothing was sent', main: true },
    { name: 'lock', label: 'Customer busy', note: '500.001.1001, another prompt is open', main: true },
    { name: 'lost_before', label: 'Connection broken', note: 'before the push was taken' },
    { name: 'http_500_not_taken', label: 'HTTP 500, not taken', note: '500.003.1001, and nothing happened' },
    { name: 'unreadable', label: 'Unreadable 200', note: 'taken, the answer is not JSON' },
    { name: 'output_invalid', label: 'Output data invalid', note: 'taken, HTTP 500' },
    { name: 'gateway_timeout', label: 'HTTP 504', note: 'taken, empty' },
    { name: 'waf_503', label: 'Firewall, 503', note: 'HTML, Incapsula' },
    { name: 'waf_403', label: 'Firewall, 403', note: 'HTML, Incapsula' },
    { name: 'empty_400', label: 'Empty 400', note: 'nothing was sent' },
    { name: 'spike_arrest_500', label: 'Spike arrest, old', note: '500.003.02, nothing was sent' },
    { name: 'quota', label: 'Quota', note: '500.003.03, nothing was sent' },
    { name: 'busy', label: 'System busy', note: '500.003.02, nothing was sent' },
    { name: 'maintenance', label: 'Maintenance', note: '500.002.1001, nothing was sent' },
    { name: 'invalid_token', label: 'Token refused', note: '404.001.03, and the token is dropped' },
    { name: 'no_product', label: 'No such product', note: '401, the app lacks M-PESA Express' },
    { name: 'wrong_credentials', label: 'Wrong passkey', note: '500.001.1001, Wrong credentials' },
    { name: 'no_merchant', label: 'No such merchant', note: '500.001.1001, Merchant does not exist' },
    { name: 'no_iccid', label: 'No ICCID', note: '500.001.1001, not an M-PESA line' },
  ],
  query: [
    { name: 'processing_4999', label: 'Still processing', note: 'HTTP 200, 4999' },
    { name: 'processing_500', label: 'Being processed', note: 'HTTP 500, 500.001.1001' },
    { name: 'empty_message', label: 'Empty message', note: 'HTTP 200, 500.001.1001' },
    { name: 'too_soon', label: 'Too soon', note: 'HTTP 400, Invalid CheckoutRequestID' },
    { name: 'not_found', label: 'Does not exist', note: 'HTTP 500, 500.001.1001' },
    { name: 'says_failed', label: 'Says cancelled', note: '1032, whatever is true' },
    { name: 'says_paid', label: 'Says paid', note: '0, whatever is true' },
    { name: 'spike_arrest', label: 'Spike arrest', note: 'HTTP 429' },
    { name: 'http_500', label: 'HTTP 500', note: '500.003.1001' },
    { name: 'busy', label: 'System busy', note: '500.003.02' },
    { name: 'quota', label: 'Quota', note: '500.003.03' },
    { name: 'waf_503', label: 'Firewall, 503', note: 'HTML, Incapsula' },
    { name: 'waf_403', label: 'Firewall, 403', note: 'HTML, Incapsula' },
    { name: 'invalid_token', label: 'Token refused', note: '404.001.03, and the token is dropped' },
    { name: 'slow', label: 'Slow', note: 'after the time-out' },
    { name: 'lost', label: 'Lost', note: 'the connection breaks' },
  ],
  callback: [
    { name: 'late', label: 'Late', note: 'after the PIN', main: true },
    { name: 'twice', label: 'Twice', note: 'the same, 200 ms apart', main: true },
    { name: 'lost', label: 'Lost', note: 'never comes; the query knows', main: true },
    { name: 'before_answer', label: 'Before the answer', note: 'overtakes the push’s own answer', main: true },
    { name: 'wrong_amount', label: 'Forged amount', note: 'KES 1 instead of the amount', main: true },
    { name: 'forged_ids', label: 'Forged ids', note: 'ids of no push at all', main: true },
    { name: 'three_times', label: 'Three times', note: 'the same' },
    { name: 'four_times', label: 'Four times', note: 'the same' },
    { name: 'out_of_order', label: 'Out of order', note: 'after the next payment’s callback' },
    { name: 'failure_then_success', label: 'No, then yes', note: '1037 first, then paid' },
    { name: 'success_then_failure', label: 'Yes, then no', note: 'paid first, then 1032' },
    { name: 'other_receipt', label: 'Two receipts', note: 'again, with another receipt' },
    { name: 'reused_receipt', label: 'Used receipt', note: 'the receipt of the payment before' },
    { name: 'other_phone', label: 'Other phone', note: 'paid from another number' },
    { name: 'masked_phone', label: 'Masked phone', note: '254708***430' },
    { name: 'hashed_phone', label: 'Hashed phone', note: 'SHA-256' },
    { name: 'no_phone', label: 'No phone', note: 'the item is missing' },
    { name: 'string_codes', label: 'Codes as text', note: '"0" instead of 0' },
    { name: 'balance_value', label: 'Balance with value', note: 'an item that mostly has none' },
    { name: 'no_balance', label: 'No balance item', note: 'as in the portal’s sample' },
    { name: 'no_receipt', label: 'No receipt', note: 'paid, but the item is missing' },
    { name: 'unreadable', label: 'Unreadable', note: 'not JSON' },
    { name: 'other_shortcode', label: 'Other shortcode', note: 'in the header only' },
  ],
  c2b: [
    { name: 'spike_arrest', label: 'Spike arrest', note: 'HTTP 429' },
    { name: 'busy', label: 'System busy', note: '500.003.02' },
    { name: 'outage', label: 'Outage', note: 'HTTP 500, empty' },
    { name: 'waf_503', label: 'Firewall, 503', note: 'HTML, Incapsula' },
    { name: 'no_product', label: 'No such product', note: '401, the app lacks it' },
    { name: 'invalid_token', label: 'Token refused', note: '401, and the token is dropped' },
    { name: 'lost', label: 'Lost', note: 'the connection breaks' },
  ],
  confirmation: [
    { name: 'lost', label: 'Lost', note: 'never comes; the statement has it' },
    { name: 'twice', label: 'Twice', note: 'the same, 200 ms apart' },
    { name: 'late', label: 'Late', note: 'after the late callback' },
    { name: 'unreadable', label: 'Unreadable', note: 'not JSON' },
  ],
  pull: [
    { name: 'spike_arrest', label: 'Spike arrest', note: 'HTTP 429' },
    { name: 'busy', label: 'System busy', note: '500.003.02' },
    { name: 'outage', label: 'Outage', note: 'HTTP 500, empty' },
    { name: 'waf_503', label: 'Firewall, 503', note: 'HTML, Incapsula' },
    { name: 'no_product', label: 'No such product', note: '401, the app lacks it' },
    { name: 'invalid_token', label: 'Token refused', note: '401, and the token is dropped' },
    { name: 'lost', label: 'Lost', note: 'the connection breaks' },
    { name: 'unreadable', label: 'Unreadable 200', note: 'not JSON' },
  ],
};

export const reaches = ['next', 'one_in_five', 'all'] as const;
export type Reach = (typeof reaches)[number];

export interface FaultRule {
  group: FaultGroup;
  /** A name of the group's table, or `normal` to take the rule away. */
  fault: string;
  reach: Reach;
  /** Only for pushes to this phone; not possible for `oauth`. */
  phone?: string | undefined;
  /** With reach `next`: what the next ones do, in order; `fault` is then the first of them. */
  sequence?: readonly string[] | undefined;
}

interface Dial {
  reach: Reach;
  fault: string;
  /** What is left of a sequence; empty unless reach is `next`. */
  queue: string[];
  count: number;
}

const mostDials = 1_000;

export class FaultDials {
  private readonly dials = new Map<string, Dial>();

  set(rule: FaultRule): void {
    const names = [rule.fault, ...(rule.sequence ?? [])];
    const unknown = names.find((name) => !isFault(rule.group, name));
    if (unknown !== undefined) throw new RangeError(`There is no fault "${unknown}" for ${rule.group}.`);
    const key = dialKey(rule.group, rule.phone);
    this.dials.delete(key);
    const queue = rule.reach === 'next' ? [...(rule.sequence ?? [rule.fault])].slice(0, 1_000) : [];
    if (rule.fault === normal && rule.sequence === undefined) return;
    this.dials.set(key, { reach: rule.reach, fault: rule.fault, queue, count: 0 });
    if (this.dials.size > mostDials) this.dials.delete(this.dials.keys().next().value as string);
  }

  clear(): void {
    this.dials.clear();
  }

  /** The rules as they stand: for the page and the control API. */
  list(): FaultRule[] {
    return [...this.dials].map(([key, dial]) => {
      const [group, phone] = key.split(':') as [FaultGroup, string];
      const rule: FaultRule = { group, fault: dial.queue[0] ?? dial.fault, reach: dial.reach };
      if (phone !== '') rule.phone = phone;
      if (dial.queue.length > 1) rule.sequence = [...dial.queue];
      return rule;
    });
  }

  /** The fault this dial is set to, whether or not its turn has come; uses nothing up. */
  upcoming(group: FaultGroup, phone = ''): string {
    const dial = this.find(group, phone);
    return dial === undefined ? normal : (dial.queue[0] ?? dial.fault);
  }

  /** Chooses the fault of one answer or callback, and uses up a `next`. Every fifth is the fifth, the tenth and so on. */
  take(group: FaultGroup, phone = ''): string {
    const dial = this.find(group, phone);
    if (dial === undefined) return normal;
    if (dial.reach === 'all') return dial.fault;
    if (dial.reach === 'one_in_five') return ++dial.count % 5 === 0 ? dial.fault : normal;
    const fault = dial.queue.shift() ?? normal;
    if (dial.queue.length === 0) this.forget(dial);
    return fault;
  }

  private find(group: FaultGroup, phone: string): Dial | undefined {
    return this.dials.get(dialKey(group, phone)) ?? this.dials.get(dialKey(group, ''));
  }

  private forget(dial: Dial): void {
    for (const [key, other] of this.dials) if (other === dial) this.dials.delete(key);
  }
}

function dialKey(group: FaultGroup, phone = ''): string {
  return `${group}:${phone}`;
}

export function isFault(group: FaultGroup, name: string): boolean {
  return name === normal || faults[group].some((fault) => fault.name === name);
}

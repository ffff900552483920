// What can be wrong between a payment and M-PESA's record of it: a line that is missing, another amount, a customer who
// paid twice, a payment given back. Rules wait here for the next payments, whoever pays or from one phone, and each is
// used up once, so a test knows exactly how many it planted. What they do to the record is in `book-payment`.

import type { FeedSource } from './account-book.ts';

export type RecordFault =
  /** The sources that keep silent; all of them when none is named, and then no money moved. */
  | { kind: 'missing'; from?: readonly FeedSource[] | undefined }
  /** What M-PESA recorded; without it a shilling less than was asked (KES 2 for KES 1). */
  | { kind: 'wrong_amount'; amount?: number | undefined }
  /** The customer pays once more, by hand, with a receipt of its own. */
  | { kind: 'duplicate'; afterMs?: number | undefined }
  /** M-PESA gives it back, with a receipt of its own that names this one. */
  | { kind: 'reversal'; afterMs?: number | undefined };

export const recordFaultLabels: Readonly<Record<RecordFault['kind'], string>> = {
  missing: 'Missing line',
  wrong_amount: 'Wrong amount',
  duplicate: 'Paid twice',
  reversal: 'Reversed',
};

export interface RecordFaultRule {
  fault: RecordFault;
  /** For the next payment of this phone. */
  phone?: string | undefined;
  /** For this many of the next payments, whoever pays; one without it. */
  next?: number | undefined;
}

const mostRules = 10_000;

export class RecordFaults {
  private readonly queue: RecordFault[] = [];
  private readonly byPhone = new Map<string, RecordFault>();

  add({ fault, phone, next = 1 }: RecordFaultRule): void {
    if (phone !== undefined) {
      this.byPhone.set(phone, fault);
      if (this.byPhone.size > mostRules) this.byPhone.delete(this.byPhone.keys().next().value as string);
      return;
    }
    for (let left = Math.min(next, mostRules - this.queue.length); left > 0; left--) this.queue.push(fault);
  }

  clear(): void {
    this.queue.length = 0;
    this.byPhone.clear();
  }

  /** The rule for one payment, used up: that of its phone, else the next in the queue. */
  take(phone: string): RecordFault | undefined {
    const own = this.byPhone.get(phone);
    if (own === undefined) return this.queue.shift();
    this.byPhone.delete(phone);
    return own;
  }

  /** What still waits, in the order it will be used. */
  list(): RecordFaultRule[] {
    const forPhones = [...this.byPhone].map(([phone, fault]) => ({ fault, phone }));
    return [...forPhones, ...this.queue.map((fault) => ({ fault }))];
  }
}

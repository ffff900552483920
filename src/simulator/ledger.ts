// What the simulator has seen and done, in memory and bounded: the oldest rows go first, the counts stay. Tests read it
// in process, the control API and the handset page read it over HTTP, and `until` lets a test wait for a fact instead
// of sleeping.

import { maskPhone } from '../platform/redaction.ts';
import type { PushRequest } from './push-request.ts';

export interface PushResult {
  code: string;
  at: number;
  /** Only when the customer paid. */
  receipt: string | null;
  /** What led to it, in words: `Right PIN`, `test number`, `two-minute rule`. */
  by: string;
}

/** A push that was taken, whether or not its answer reached the caller. */
export interface Push {
  serial: number;
  takenAt: number;
  consumerKey: string;
  request: PushRequest;
  merchantRequestId: string;
  checkoutRequestId: string;
  merchantName: string;
  /** `answering` until the acknowledgement is due, then `prompting` or `working`, then `done`. */
  state: 'answering' | 'prompting' | 'working' | 'done';
  prompt: Prompt | null;
  result: PushResult | null;
  /** While the merchant's ValidationURL is asked. */
  isBeingValidated?: boolean;
  callbackCount: number;
}

export interface Prompt {
  text: string;
  openedAt: number;
  endsAt: number;
  /** Whether the answer is already decided (a test number), or somebody has to give it. */
  answersItself: boolean;
  /** The customer looked away; it ends as unanswered. */
  ignored: boolean;
}

/** Every call to processrequest, refused ones too. `body` is the parsed JSON, or the text when it is none. */
export interface ReceivedPush {
  at: number;
  body: unknown;
  fault: string;
  /** HTTP status of the answer; 0 when the connection was dropped, null while it is not answered yet. */
  status: number | null;
  errorCode: string | null;
  errorMessage: string | null;
  checkoutRequestId: string | null;
  answeredAt: number | null;
}

export interface ReceivedQuery {
  at: number;
  checkoutRequestId: string;
  status: number;
  code: string;
}

export interface SentCallback {
  at: number;
  checkoutRequestId: string;
  reference: string;
  url: string;
  body: string;
  fault: string;
  /** Status of the receiver's answer, or null when there was none. */
  status: number | null;
  error: string | null;
  durationMs: number;
}

/** What was sent to a shortcode's C2B URLs. */
export interface SentConfirmation {
  at: number;
  kind: 'confirmation' | 'validation';
  shortcode: string;
  receipt: string;
  url: string;
  body: string;
  fault: string;
  status: number | null;
  /** What the receiver answered, as far as it was read. */
  answer: string;
  error: string | null;
}

export interface ReceivedPull {
  at: number;
  shortcode: string;
  from: number;
  to: number;
  offset: number;
  /** Rows in the answer. */
  rows: number;
  code: string;
}

export interface LogLine {
  at: number;
  what: string;
  payment: string;
  answered: string;
}

const mostRows = 4_000;
/** More than the rest: a load test leaves many prompts open at once, and a push that is forgotten gets no result. */
const mostPushes = 20_000;
const bodyBudget = 8_192;

export class Ledger {
  readonly pushes: Push[] = [];
  readonly received: ReceivedPush[] = [];
  readonly queries: ReceivedQuery[] = [];
  readonly callbacks: SentCallback[] = [];
  readonly confirmations: SentConfirmation[] = [];
  readonly pulls: ReceivedPull[] = [];
  readonly log: LogLine[] = [];
  readonly counts = { received: 0, pushes: 0, queries: 0, callbacks: 0, tokens: 0, confirmations: 0, pulls: 0 };
  private readonly byCheckoutId = new Map<string, Push>();
  private readonly byPhone = new Map<string, Push[]>();
  private readonly listeners = new Set<() => void>();

  addPush(push: Push): void {
    this.counts.pushes++;
    this.byCheckoutId.set(push.checkoutRequestId, push);
    const others = this.byPhone.get(push.request.phone);
    if (others === undefined) this.byPhone.set(push.request.phone, [push]);
    else others.push(push);
    const dropped = keep(this.pushes, push, mostPushes);
    if (dropped !== undefined) this.forget(dropped);
    this.changed();
  }

  addReceived(row: ReceivedPush): void {
    this.counts.received++;
    if (typeof row.body === 'string') row.body = row.body.slice(0, bodyBudget);
    keep(this.received, row);
  }

  addQuery(row: ReceivedQuery): void {
    this.counts.queries++;
    keep(this.queries, row);
    this.changed();
  }

  addCallback(row: SentCallback): void {
    this.counts.callbacks++;
    keep(this.callbacks, row);
    this.changed();
  }

  addConfirmation(row: SentConfirmation): void {
    if (row.kind === 'confirmation') this.counts.confirmations++;
    keep(this.confirmations, row);
    this.changed();
  }

  addPull(row: ReceivedPull): void {
    this.counts.pulls++;
    keep(this.pulls, row);
    this.changed();
  }

  note(at: number, what: string, push: Push | null, answered = '–'): void {
    this.noteOf(at, what, push === null ? '' : paymentName(push), answered);
  }

  /** The same for money that no push asked for. */
  noteOf(at: number, what: string, payment: string, answered = '–'): void {
    keep(this.log, { at, what, payment, answered });
    this.changed();
  }

  /** By its CheckoutRequestID, or undefined; pushes older than the last few thousand are forgotten. */
  findPush(checkoutRequestId: string): Push | undefined {
    return this.byCheckoutId.get(checkoutRequestId);
  }

  findPushBySerial(serial: number): Push | undefined {
    return this.pushes.findLast((push) => push.serial === serial);
  }

  /** All pushes to one phone, oldest first. */
  pushesOf(phone: string): readonly Push[] {
    return this.byPhone.get(phone) ?? [];
  }

  /** The push whose prompt (or processing) still holds this phone. */
  findOpenPush(phone: string): Push | undefined {
    return this.pushesOf(phone).findLast((push) => push.state !== 'done');
  }

  openPrompts(): Push[] {
    return this.pushes.filter((push) => push.state === 'prompting');
  }

  clear(): void {
    const { pushes, received, queries, callbacks, confirmations, pulls, log } = this;
    for (const rows of [pushes, received, queries, callbacks, confirmations, pulls, log]) rows.length = 0;
    for (const name of Object.keys(this.counts) as (keyof Ledger['counts'])[]) this.counts[name] = 0;
    this.byCheckoutId.clear();
    this.byPhone.clear();
    this.changed();
  }

  private forget(push: Push): void {
    this.byCheckoutId.delete(push.checkoutRequestId);
    const others = this.byPhone.get(push.request.phone) ?? [];
    // The oldest of all is the oldest of its phone.
    others.shift();
    if (others.length === 0) this.byPhone.delete(push.request.phone);
  }

  /** Calls back after every change; returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    for (const listener of [...this.listeners]) listener();
  }

  /** Resolves as soon as the condition holds, checked after every change. */
  until(condition: (ledger: Ledger) => boolean): Promise<void> {
    if (condition(this)) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.onChange(() => {
        if (!condition(this)) return;
        stop();
        resolve();
      });
    });
  }
}

/** `INV-2035, KES 2,400`: how a row of the page names a payment. */
export function paymentName(push: Push): string {
  return `${push.request.reference}, KES ${push.request.amount.toLocaleString('en-US')}`;
}

/** The push without the customer's number: for pages. */
export function maskedPhone(push: Push): string {
  return maskPhone(push.request.phone);
}

function keep<Row>(rows: Row[], row: Row, most = mostRows): Row | undefined {
  rows.push(row);
  return rows.length > most ? rows.shift() : undefined;
}

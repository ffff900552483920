// The four payments of the demo. Each is a story: what M-PESA will do (the simulator is told before), what the merchant
// does over HTTP, and what must be true in the end. The merchant learns of the payment only by asking the API.

import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Merchant, Payment, PaymentRequest } from './merchant.ts';

/** Where a story says what happens, as it happens. */
export interface Narrator {
  /** The payment has a new status. */
  became(payment: Payment): void;
  /** The API refuses. */
  refused(why: string): void;
  /** The merchant does something. */
  does(what: string): void;
  /** What the merchant cannot see: the customer and M-PESA, by the simulator. */
  aside(what: string): void;
}

export interface Story {
  title: string;
  request: PaymentRequest;
  play(scene: Scene): Promise<Payment>;
  /** What must be true in the end, each as a sentence that is false of the payment when it is not. */
  truths(payment: Payment): readonly (readonly [boolean, string])[];
}

export interface Scene {
  request: PaymentRequest;
  merchant: Merchant;
  simulator: Simulator;
  narrator: Narrator;
  signal: AbortSignal;
}

/** Ten times what a story takes. */
const patienceMs = 40_000;
/** Sooner, the gateway would not ask M-PESA again (api.md, check). */
const askAgainMs = 15_000;

export const stories: readonly Story[] = [
  {
    title: 'A customer pays',
    request: { amount: 150, phone: '254708374149', reference: 'DEMO-1' },
    play: (scene) => payAndWait(scene),
    truths: (payment) => [
      [payment.status === 'succeeded', 'is paid'],
      [payment.confirmed_by === 'callback', 'is confirmed by the callback'],
      [payment.mpesa_receipt !== null && payment.amount_received === 150, 'has a receipt over KES 150'],
    ],
  },
  {
    title: 'A customer cancels',
    request: { amount: 250, phone: '254700000000', reference: 'DEMO-2' },
    play: (scene) => payAndWait(scene),
    truths: (payment) => [
      [payment.status === 'cancelled', 'is cancelled'],
      [payment.failure?.code === 'cancelled_by_customer', 'was cancelled by the customer'],
    ],
  },
  {
    title: 'The callback gets lost, and asking finds the money',
    request: { amount: 350, phone: '254722000103', reference: 'DEMO-3' },
    play: playLostCallback,
    truths: (payment) => [
      [payment.status === 'succeeded', 'is paid'],
      [payment.confirmed_by === 'query', 'is confirmed by asking'],
      [payment.flags.includes('receipt_missing') && payment.mpesa_receipt === null, 'says that its receipt is missing'],
    ],
  },
  {
    title: 'Nobody can say: the answer to the push is lost, and so is the callback',
    request: { amount: 450, phone: '254722000104', reference: 'DEMO-4' },
    play: playUnknown,
    truths: (payment) => [
      [payment.status === 'unknown', 'is still unknown'],
      [payment.failure?.code === 'unknown_result', 'is not called failed'],
    ],
  },
];

/** Asks for the money and waits for the callback, as a merchant's checkout page would. */
async function payAndWait({ merchant, narrator, request }: Scene): Promise<Payment> {
  const deadline = Date.now() + patienceMs;
  let payment = await ask(merchant, narrator, request);
  while (payment.status === 'pending' && Date.now() < deadline) payment = await news(merchant, narrator, payment, 10);
  return payment;
}

async function playLostCallback(scene: Scene): Promise<Payment> {
  const { merchant, narrator, simulator, request } = scene;
  const { phone } = request;
  simulator.control.setOutcome({ phone, code: '0' });
  simulator.control.setFault({ group: 'callback', fault: 'lost', reach: 'next', phone });
  let payment = await ask(merchant, narrator, request);
  if (payment.status !== 'pending') return payment;
  await customerAnswers(scene);
  narrator.aside('the customer has entered the PIN; the callback gets lost on the way');
  payment = await news(merchant, narrator, payment, 1);
  const deadline = Date.now() + patienceMs;
  while (payment.status === 'pending' && Date.now() < deadline) {
    narrator.does('hears nothing, and asks: POST /v1/payments/{id}/check');
    await merchant.check(payment.id);
    payment = await news(merchant, narrator, payment, askAgainMs / 1000 + 1);
  }
  return payment;
}

async function playUnknown(scene: Scene): Promise<Payment> {
  const { merchant, narrator, simulator, request } = scene;
  const { phone } = request;
  simulator.control.setOutcome({ phone, code: '0' });
  simulator.control.setFault({ group: 'push', fault: 'lost', reach: 'next', phone });
  simulator.control.setFault({ group: 'callback', fault: 'lost', reach: 'next', phone });
  const payment = await ask(merchant, narrator, request);
  if (payment.status !== 'unknown') return payment;
  await customerAnswers(scene);
  narrator.aside('the customer has entered the PIN all the same; the callback gets lost, too');
  narrator.does('asks: POST /v1/payments/{id}/check');
  const refusal = await merchant.check(payment.id);
  if (refusal !== null) narrator.refused(refusal);
  const last = await news(merchant, narrator, payment, 1);
  const pushes = simulator.ledger.received.filter(
    ({ body }) => (body as { PhoneNumber?: unknown }).PhoneNumber === phone,
  );
  narrator.aside(`pushes that reached M-PESA for this payment: ${pushes.length}`);
  if (pushes.length !== 1) throw new Error(`${request.reference} was pushed ${pushes.length} times`);
  if (last.failure !== null) narrator.does(`shows the customer: “${last.failure.customer_message}”`);
  return last;
}

async function ask(merchant: Merchant, narrator: Narrator, request: PaymentRequest): Promise<Payment> {
  narrator.does(`asks for KES ${request.amount}: POST /v1/payments`);
  const payment = await merchant.askForMoney(request);
  narrator.became(payment);
  return payment;
}

async function news(merchant: Merchant, narrator: Narrator, seen: Payment, seconds: number): Promise<Payment> {
  const payment = await merchant.waitForNews(seen, seconds);
  if (payment.status !== seen.status) narrator.became(payment);
  return payment;
}

/** Until the customer's part is over, which only the simulator knows. */
async function customerAnswers({ simulator, request, signal }: Scene): Promise<void> {
  const isOver = () => simulator.ledger.pushesOf(request.phone).some(({ result }) => result !== null);
  let giveUp = () => {};
  const limit = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(
      reject,
      patienceMs,
      new Error(`the push of ${request.reference} never reached the simulator`),
    );
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    giveUp = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  await Promise.race([simulator.ledger.until(isOver), limit]).finally(giveUp);
}

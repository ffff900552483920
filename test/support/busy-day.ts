// A day of one paybill with ten thousand payments: each was asked for, pushed, and paid by its callback, through the one
// door that payments move through; and M-PESA's record has each of them, but for what the simulator was told to spoil. What
// was planted is known by kind and by payment, so a test can ask for exactly that and no more.

import { expect } from 'chai';
import { readDenial } from '../../src/mpesa/result-codes.ts';
import { phoneIndex } from '../../src/payments/create-payment.ts';
import { insertPayments } from '../../src/payments/payment-store.ts';
import { type SettleItem, settlePayments } from '../../src/payments/settle-payments.ts';
import { newId } from '../../src/platform/ids.ts';
import type { Entry } from '../../src/simulator/account-book.ts';
import { nairobi } from './books-stage.ts';
import type { TestGateway, TestTenant } from './build-gateway.ts';
import { exchange, makeEvidence, makePayment, pushAnswered } from './payment-evidence.ts';

export const busyDay = '2026-01-05';
const minute = 60_000;

export interface Sale {
  paymentId: string;
  /** When the customer was asked, and when M-PESA had the money. */
  askedAt: number;
  paidAt: number;
  amountKes: number;
  phone: string;
  reference: string;
  receipt: string;
}

/** Which sales are spoiled, by their number in the day; those from 3000 to 3299 are confirmed by C2B too. */
export const planted = {
  // The last one in the evening: the statement of a day does not tell two hours more of it.
  missing: [12, 3001, 9650],
  wrong_amount: [500, 3002, 6500, 9000],
  duplicate: [1, 1700, 3003, 5005, 8800],
  reversal: [77, 2077, 3004, 4077, 6077, 8077, 9977],
} as const;
export const orphanCount = 6;
export const saleCount = 10_000;
const saleWaves = 100;
const perWave = saleCount / saleWaves;
export const confirmed = { from: 3000, to: 3300 } as const;

/** In waves of a hundred every twelve minutes, from 03:10 on; the money of a wave comes within one minute. */
function planSale(index: number): Omit<Sale, 'paymentId'> {
  const askedAt = nairobi(`${busyDay} 03:10:00`) + Math.floor(index / perWave) * 12 * minute;
  const number = String(index).padStart(5, '0');
  return {
    askedAt,
    paidAt: askedAt + (10 + (index % 40)) * 1000,
    amountKes: 20 + ((index * 37) % 100),
    phone: `254700${number}7`,
    reference: `INV-${number}`,
    receipt: `UA5${index.toString(36).toUpperCase().padStart(7, '0')}`,
  };
}

/** The whole day in the gateway: payments that succeeded, with receipts, evidence, transitions and events. */
export async function sellAllDay(app: TestGateway, tenant: TestTenant, shortcode: string): Promise<Sale[]> {
  const sales: Sale[] = [];
  for (let first = 0; first < saleCount; first += perWave) {
    const wave = Array.from({ length: perWave }, (_, index) => planSale(first + index));
    sales.push(...(await sellWave(app, tenant, shortcode, wave)));
  }
  return sales;
}

async function sellWave(
  app: TestGateway,
  { id: tenantId, shortcodeId }: TestTenant,
  shortcode: string,
  wave: readonly Omit<Sale, 'paymentId'>[],
): Promise<Sale[]> {
  const { core } = app.gateway;
  const { askedAt } = wave[0]!;
  const sales = wave.map((sale): Sale => ({ ...sale, paymentId: newId('pay') }));
  const payments = sales.map(({ paymentId: id, amountKes, phone, reference }) => {
    const times = { createdAt: askedAt, updatedAt: askedAt, nextAttemptAt: askedAt, expiresAt: askedAt + 5 * minute };
    const payment = { id, tenantId, shortcodeId, shortcode, amountKes, phone, reference, ...times };
    return {
      payment: makePayment('queued', payment),
      idempotencyKey: JSON.stringify(reference),
      phoneIndex: phoneIndex(phone, core.dataKeys.blindIndex),
      guardEven: null,
      guardOdd: null,
    };
  });
  expect((await insertPayments(core.db, core.sealer, payments)).size).to.equal(wave.length);
  async function settle(at: number, newsOf: (sale: Sale) => SettleItem['news']): Promise<void> {
    const deps = { ...core, now: () => at, random: () => 0.5, readDenial, announce: () => undefined };
    const items = sales.map((sale) => ({ paymentId: sale.paymentId, news: newsOf(sale) }));
    await settlePayments(deps, items);
  }
  await settle(askedAt, () => ({ kind: 'claimed', leaseToken: 'lease', leaseUntil: askedAt + minute }));
  await settle(askedAt, (sale) => pushAnswered({ outcome: 'accepted', ...idsOf(sale), exchange }));
  await settle(askedAt + minute, (sale) => ({ kind: 'heard', evidence: callbackOf(sale) }));
  return sales;
}

const idsOf = ({ reference }: Pick<Sale, 'reference'>) => ({
  merchantRequestId: `m-${reference}`,
  checkoutRequestId: `ws_CO_${reference}`,
});

function callbackOf(sale: Sale) {
  const { receipt, amountKes, phone, askedAt } = sale;
  const told = { receipt, amountCents: amountKes * 100, phone, ids: idsOf(sale), at: askedAt + minute };
  return makeEvidence({ strength: 'A', resultCode: '0', ...told });
}

/** Calls the control API of the simulator, as anybody with curl would. */
export async function control(app: TestGateway, path: string, body?: unknown): Promise<Response> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(`${app.config.darajaUrls.simulator}/control/${path}`, init);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** What time did not run for yet: second payments, reversals, and confirmations with their answers. */
async function happen(app: TestGateway): Promise<void> {
  await app.clock.advance(0);
  await app.simulator.control.callbacksDone();
}

/** The same day in M-PESA's record, with what is wrong in it. Some of it is confirmed by C2B at once. */
export async function bookAllDay(app: TestGateway, shortcode: string, sales: readonly Sale[]): Promise<void> {
  for (const [kind, indexes] of Object.entries(planted))
    for (const index of indexes) await control(app, 'ledger/faults', { kind, phone: sales[index]!.phone });
  const book = async (from: number, to: number, confirm: boolean): Promise<void> => {
    const rows = sales.slice(from, to).map(({ paidAt: at, amountKes: amount, phone, reference: account, receipt }) => {
      return { shortcode, at, amount, phone, account, receipt };
    });
    await control(app, 'ledger', { rows, confirm });
    await happen(app);
  };
  await book(0, confirmed.from, false);
  for (let from = confirmed.from; from < confirmed.to; from += 50) await book(from, from + 50, true);
  await book(confirmed.to, saleCount, false);
  for (let index = 0; index < orphanCount; index += 1) {
    const at = nairobi(`${busyDay} 1${index}:30:00`);
    const stranger = { phone: `25471100000${index}`, account: `HOUSE ${index}`, amount: 1000 + index };
    await control(app, 'ledger/payments', { shortcode, at, ...stranger });
    await happen(app);
  }
}

/** What the record has that a fault made, by the fault. */
export function spoiled(app: TestGateway, shortcode: string): (kind: string) => Entry[] {
  const entries = app.simulator.control.record.entries({ shortcode, from: busyDay });
  return (kind) => entries.filter((entry) => entry.planted === kind && entry.kind !== 'charge');
}

/** The day's statement, as M-PESA's portal gives it; the newer format says its period only in the name of the file. */
export async function downloadStatement(
  app: TestGateway,
  shortcode: string,
  { format, type }: { format: 'classic' | 'newer'; type: 'csv' | 'xls' },
): Promise<{ name: string; body: Buffer }> {
  const asked = new URLSearchParams({ shortcode, from: busyDay, to: busyDay, format, type });
  const response = await control(app, `statements?${asked}`);
  const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? '';
  return { name, body: Buffer.from(await response.arrayBuffer()) };
}

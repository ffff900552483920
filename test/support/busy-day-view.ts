// What a gateway says of the busy day, as a test compares it: what is open, all that reconciling decided, and the pages as
// an operator reads them.

import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { DiscrepancyType } from '../../src/reconciliation/discrepancy.ts';
import type { TestGateway, TestTenant } from './build-gateway.ts';
import { busyDay, orphanCount, planted, type Sale, spoiled } from './busy-day.ts';
import type { Visit, Visitor } from './console-visitor.ts';

export const base = '/console/reconciliation';

export const textOf = (html: string): string =>
  html
    .replace(/^.*<main/s, '')
    .replace(/<\/?b\b[^>]*>/g, '')
    .replace(/<[^>]+>|&nbsp;/g, ' ')
    .replace(/[\s\u00a0]+/g, ' ');

/** What a hidden field of a page's form holds; empty where there is none. */
export const fieldOf = ({ html }: Visit, name: string): string =>
  new RegExp(`name="${name}" value="([^"]+)"`).exec(html)?.[1] ?? '';

export interface Found {
  /** `type receipt paymentId`, in order. */
  open: string[];
  counts: Partial<Record<DiscrepancyType, number>>;
  atRiskKes: Partial<Record<DiscrepancyType, number>>;
}

export async function findOpen(app: TestGateway, { shortcodeId }: TestTenant): Promise<Found> {
  const rows = await app.gateway.core.db('discrepancies').where({ shortcode_id: shortcodeId, status: 'open' });
  return foundOf(
    rows.map(({ type, receipt, payment_id, at_risk_cents }) => {
      return { type, receipt, paymentId: payment_id, kes: Number(at_risk_cents) / 100 };
    }),
  );
}

interface Finding {
  type: DiscrepancyType;
  receipt: string;
  paymentId: string | null;
  kes: number;
}

function foundOf(findings: readonly Finding[]): Found {
  const found: Found = { open: [], counts: {}, atRiskKes: {} };
  for (const { type, receipt, paymentId, kes } of findings) {
    found.open.push(`${type} ${receipt} ${paymentId}`);
    found.counts[type] = (found.counts[type] ?? 0) + 1;
    found.atRiskKes[type] = (found.atRiskKes[type] ?? 0) + kes;
  }
  found.open.sort();
  return found;
}

/** What the faults must come to, and nothing else. */
export function expectedOf(app: TestGateway, shortcode: string, sales: readonly Sale[]): Found & { late: Sale } {
  const made = spoiled(app, shortcode);
  const byReference = new Map(sales.map((sale) => [sale.reference, sale]));
  const own = (kind: keyof typeof planted, type: DiscrepancyType, riskOf: (sale: Sale) => number): Finding[] =>
    planted[kind].map((index) => {
      const { receipt, paymentId } = sales[index]!;
      return { type, receipt, paymentId, kes: riskOf(sales[index]!) };
    });
  /** Rows of the record with a receipt of their own. */
  const extra = (kind: string, type: DiscrepancyType): Finding[] =>
    made(kind).map(({ receipt, account, amount }) => {
      return { type, receipt, paymentId: byReference.get(account)?.paymentId ?? null, kes: Math.abs(amount) };
    });
  expect(made('orphan')).to.have.length(orphanCount);
  const found = foundOf([
    ...own('missing', 'missing_at_provider', ({ amountKes }) => amountKes),
    ...own('wrong_amount', 'amount_mismatch', () => 1),
    ...extra('second_payment', 'duplicate_payment'),
    ...extra('orphan', 'orphan_receipt'),
    ...extra('reversal_row', 'reversed_externally'),
  ]);
  return { ...found, late: sales[planted.missing.at(-1)!]! };
}

/** All that reconciling decides, as one hash for each table. */
export async function readState(app: TestGateway, { id: tenantId }: TestTenant): Promise<Record<string, string>> {
  const { db } = app.gateway.core;
  const columns = {
    discrepancies: ['id', 'status', 'version', 'resolution', 'detail', 'at_risk_cents'],
    statement_lines: ['id', 'status', 'rule', 'payment_id', 'close_id'],
    payments: ['id', 'status', 'version', 'mpesa_receipt', 'flags', 'amount_received_kes'],
    events: ['id', 'type'],
    daily_closes: ['id', 'hash'],
  };
  const state: Record<string, string> = {};
  for (const [table, names] of Object.entries(columns)) {
    const rows = await db(table).where({ tenant_id: tenantId }).orderBy('id').select(names);
    state[table] = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  }
  const receipts = await db('receipts').orderBy('receipt').select('receipt', 'payment_id', 'first_source');
  return { ...state, receipts: createHash('sha256').update(JSON.stringify(receipts)).digest('hex') };
}

/** What the grid says of the day, and what it says is to be done. */
export async function readGrid(
  visitor: Visitor,
  query: string,
  shortcodeId: string,
): Promise<{ cell: string; todo: string }> {
  const { html } = await visitor.get(base + query);
  const link = new RegExp(`<a class="day [^"]+" href="${base}/days/${shortcodeId}/${busyDay}[^>]*>(.*?)</a>`);
  const inside = link.exec(html)?.[1] ?? 'no such cell';
  const cell = inside.replace(/<[^>]+>|&nbsp;/g, ' ').replace(/[\s\u00a0]+/g, ' ');
  return { cell: cell.trim(), todo: textOf(html) };
}

/** Gives a file to the console as a browser does, and says yes to what it shows; the page of the statement then. */
export async function importInConsole(
  app: TestGateway,
  visitor: Visitor,
  { file, shortcodeId, query }: { file: { name: string; body: Buffer }; shortcodeId: string; query: string },
): Promise<string> {
  const form = new FormData();
  form.append('_token', fieldOf(await visitor.get('/console'), '_token'));
  form.append('shortcode', shortcodeId);
  form.append('file', new Blob([new Uint8Array(file.body)]), file.name);
  const headers = { cookie: visitor.cookie, origin: app.url };
  const sent = { method: 'POST', body: form, headers, redirect: 'manual' } as const;
  const taken = await fetch(`${app.url}${base}/imports${query}`, sent);
  const page = taken.headers.get('location') ?? '';
  expect(page, textOf(await taken.text())).to.match(/imports\/stm_/);
  await visitor.post(page.replace('?', '/commit?'));
  await app.gateway.statements.settled();
  return textOf((await visitor.get(page)).html);
}

// The control API's part about money: M-PESA's record, what is planted in it, payments nobody asked for, and the
// statements. JSON in and out but for the downloads; the names are those of `record-control.ts`.

import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { FeedSource } from './account-book.ts';
import { feedSources } from './account-book.ts';
import type { SimulatorControl } from './control.ts';
import { parseObject, readText } from './read-text.ts';
import type { StatementRequest } from './record-control.ts';
import { statementTypes } from './statement-files.ts';
import { statementFormats } from './statement-rows.ts';

const phone = z.string().regex(/^254[17]\d{8}$/);
const shortcode = z.string().regex(/^\d{5,7}$/);
const amount = z.number().int().min(1).max(10_000_000);
const receipt = z.string().regex(/^[A-Z0-9]{10}$/);
const account = z.string().max(40);
const waitMs = z.number().int().min(0).max(86_400_000).optional();
/** Milliseconds since the epoch, or ISO 8601 with its zone. */
const moment = z.union([
  z.number().int().positive(),
  z.iso.datetime({ offset: true }).transform((at) => Date.parse(at)),
]);

const rows = z.strictObject({
  rows: z
    .array(
      z.strictObject({
        shortcode,
        kind: z.enum(['push', 'paybill', 'till', 'withdrawal', 'settlement', 'sweep']).optional(),
        at: moment,
        initiatedAt: moment.optional(),
        amount,
        phone: phone.optional(),
        account: account.optional(),
        receipt: receipt.optional(),
        reason: z.string().min(1).max(80).optional(),
      }),
    )
    .min(1)
    .max(100_000),
  /** Whether C2B confirmations go out for them. */
  confirm: z.boolean().optional(),
});
const whom = {
  next: z.number().int().min(1).max(10_000).optional(),
  phone: phone.optional(),
  receipt: receipt.optional(),
};
const fault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('missing'), from: z.array(z.enum(feedSources)).min(1).optional(), ...whom }),
  z.strictObject({ kind: z.literal('wrong_amount'), amount: amount.optional(), ...whom }),
  z.strictObject({ kind: z.literal('duplicate'), afterMs: waitMs, ...whom }),
  z.strictObject({ kind: z.literal('reversal'), afterMs: waitMs, ...whom }),
]);
const payment = z.strictObject({
  shortcode,
  amount,
  phone,
  account: account.default(''),
  isTill: z.boolean().optional(),
  at: moment.optional(),
});
const statement = z.object({
  shortcode,
  from: z.string().optional(),
  to: z.string().optional(),
  format: z.enum(statementFormats).optional(),
  type: z.enum(statementTypes).optional(),
  columns: z.enum(['13', '14']).transform(Number).optional(),
});

const largeBodyBytes = 32 * 1024 * 1024;

/** Adds its paths to the control API's router. */
export function addRecordRoutes(router: Router, { record }: SimulatorControl): void {
  router.get('/ledger', (ctx) => {
    const asked = statement.pick({ shortcode: true, from: true, to: true }).parse(ctx.query);
    const source = feedSources.find((known): known is FeedSource => known === ctx.query.source);
    answer(ctx, record.entries(asked, source));
  });
  router.post('/ledger', async (ctx) => {
    const given = rows.parse(await body(ctx, largeBodyBytes));
    const entries = await record.book(given.rows, { confirm: given.confirm });
    answer(ctx, { booked: entries.length, receipts: entries.map((entry) => entry.receipt) });
  });
  router.post('/ledger/payments', async (ctx) => {
    answer(ctx, { receipt: await record.payByHand(payment.parse(await body(ctx))) });
  });
  router.post('/ledger/faults', async (ctx) => {
    const { next, phone: payer, receipt: known, ...planted } = fault.parse(await body(ctx));
    if ([next, payer, known].filter((value) => value !== undefined).length > 1) {
      throw new RangeError('A fault is for the next payments, for a phone, or for a receipt: only one of them.');
    }
    if (known !== undefined) return answer(ctx, record.spoil(known, planted));
    record.plant({ fault: planted, next, phone: payer });
    answer(ctx, { planted: planted.kind });
  });
  router.delete('/ledger/faults', (ctx) => {
    record.clearFaults();
    answer(ctx, { cleared: true });
  });
  router.get('/statements', async (ctx) => {
    const file = await record.statement(statement.parse(emptyLeftOut(ctx.query)) as StatementRequest);
    ctx.set('Content-Disposition', `attachment; filename="${file.name}"`);
    ctx.set('Content-Type', file.contentType);
    ctx.body = file.body;
  });
  router.delete('/urls/:shortcode', (ctx) => {
    record.deleteUrls(String(ctx.params.shortcode));
    answer(ctx, { deleted: ctx.params.shortcode });
  });
}

/** A form sends its empty fields too. */
function emptyLeftOut(query: Context['query']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
}

function answer(ctx: Context, value: unknown): void {
  ctx.body = JSON.stringify(value);
  ctx.type = 'application/json';
}

async function body(ctx: Context, limitBytes?: number): Promise<Record<string, unknown>> {
  const text = await readText(ctx.req, limitBytes);
  const value = text === undefined ? undefined : parseObject(text);
  if (value === undefined) throw new RangeError('The body must be a JSON object, and not too long.');
  return value;
}

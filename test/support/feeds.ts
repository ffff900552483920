// The live sources of a shortcode as tests use them: its C2B address, confirmations as Safaricom writes them, what is
// registered at the simulator, and what became lines.

import { randomBytes } from 'node:crypto';
import { type FeedActDeps, registerC2bAs, registerPullAs } from '../../src/console/feed-acts.ts';
import { c2bToken } from '../../src/mpesa/c2b-token.ts';
import { connectMpesa } from '../../src/mpesa/connect-mpesa.ts';
import { createRateLimiter } from '../../src/platform/rate-limits.ts';
import { createInProcessCache } from '../../src/platform/shared-cache.ts';
import type { Line } from '../../src/reconciliation/line.ts';
import { toLine } from '../../src/reconciliation/line-store.ts';
import type { AskedFeed } from '../../src/reconciliation/manage-feeds.ts';
import { darajaTimestamp } from '../../src/simulator/nairobi-time.ts';
import type { Answer, TestGateway, TestTenant } from './build-gateway.ts';

let shortcodes = 600_000 + Math.floor(Math.random() * 300_000);

/** A number that no other test of this run uses: at the simulator as at Safaricom its URLs belong to one. */
export function freshNumber(): string {
  shortcodes += 1;
  return String(shortcodes);
}

/** Ten characters that begin like a receipt of October 2026. */
export function freshReceipt(): string {
  const letters = '0123456789ABCDEFGHJKLMNPQRSTUVWXYZ';
  return `UJ6${[...randomBytes(7)].map((byte) => letters[byte % letters.length]).join('')}`;
}

export function c2bPath(app: TestGateway, shortcodeId: string): string {
  return `/callbacks/c2b/${c2bToken(app.gateway.core.dataKeys.callbacks, shortcodeId)}`;
}

/** A confirmation's body with usual values. */
export function confirmationBody(app: TestGateway, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    TransactionType: 'Pay Bill',
    TransID: freshReceipt(),
    TransTime: darajaTimestamp(app.clock.now()),
    TransAmount: '100.00',
    BillRefNumber: 'INV-1',
    InvoiceNumber: '',
    OrgAccountBalance: '49197.00',
    ThirdPartyTransID: '',
    MSISDN: '2547 ***** 126',
    FirstName: 'JANE',
    MiddleName: '',
    LastName: '',
    ...changes,
  };
}

/** POST to the confirmation address; a text is sent as it is. */
export function confirm(
  app: TestGateway,
  shortcodeId: string,
  body: Record<string, unknown> | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return app.call(`${c2bPath(app, shortcodeId)}/confirmation`, { method: 'POST', key: '', body, headers });
}

/** Oldest first. */
export async function linesOf(app: TestGateway, { shortcodeId }: Pick<TestTenant, 'shortcodeId'>): Promise<Line[]> {
  const { db, sealer } = app.gateway.core;
  const rows = await db('statement_lines').where({ shortcode_id: shortcodeId }).orderBy(['completed_at', 'receipt']);
  return rows.map((row) => toLine(row, sealer));
}

/** The row of `feeds`, as it is. */
export function feedRow(app: TestGateway, shortcodeId: string): Promise<Record<string, unknown> | undefined> {
  return app.gateway.core.db('feeds').where({ shortcode_id: shortcodeId }).first();
}

const by = { actor: { id: 'cli', name: 'test' }, ip: null };

/** What the acts of feeds need, with a way of their own to Safaricom. */
async function withFeedDeps<T>(app: TestGateway, use: (deps: FeedActDeps) => Promise<T>): Promise<T> {
  const { core } = app.gateway;
  const { darajaUrls, publicUrl } = app.config;
  const callbackKey = core.dataKeys.callbacks;
  const cache = createInProcessCache(core.clock);
  const limiter = (name: string, limit: { points: number; windowSeconds: number }) =>
    createRateLimiter(name, limit, null, 'test');
  const { daraja, close } = connectMpesa({ ...core, cache, limiter, callbackKey }, app.config);
  try {
    return await use({ ...core, auditKey: core.dataKeys.audit, daraja, darajaUrls, publicUrl, callbackKey });
  } finally {
    await close();
  }
}

export const registerC2b = (app: TestGateway, shortcodeId: string): Promise<AskedFeed> =>
  withFeedDeps(app, (deps) => registerC2bAs(deps, by, shortcodeId, null));

export const registerPull = (app: TestGateway, shortcodeId: string, phone = '0712345678'): Promise<AskedFeed> =>
  withFeedDeps(app, (deps) => registerPullAs(deps, by, shortcodeId, phone, null));

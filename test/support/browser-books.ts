// The books of the tenant that writes evil texts: a day that is closed, one that does not add up, lines and discrepancies
// of which nobody is sure, and a statement whose name and rows were written by a stranger.

import { Readable } from 'node:stream';
import { findShortcodeAcrossTenants } from '../../src/mpesa/shortcode-store.ts';
import { previewStatement } from '../../src/reconciliation/preview-statement.ts';
import { keepBooks } from './books-stage.ts';
import type { TestGateway, TestTenant } from './build-gateway.ts';

export type BookIds = Record<'close' | 'line' | 'suggested' | 'discrepancy' | 'statement', string>;

/** @param payments of the tenant: one that was paid, one nobody is sure of */
export async function fillBooks(
  app: TestGateway,
  tenant: TestTenant,
  payments: { payment: string; unsure: string },
  evil: string,
): Promise<BookIds> {
  const { core } = app.gateway;
  const books = await keepBooks(app, tenant);
  const { close } = await books.close('2026-10-04');
  const words = { payerName: evil, details: evil, account: evil };
  await books.line({ at: '2026-10-05 09:00:00', receipt: 'UJ5', ...words });
  await books.line({
    at: '2026-10-05 10:00:30',
    receipt: 'UJ6',
    status: 'suggested',
    paymentId: payments.unsure,
    ...words,
  });
  const discrepancy = await books.discrepancy('orphan_receipt', '2026-10-05', 100_00);
  await books.discrepancy('missing_at_provider', '2026-10-05', 700_00, payments.payment);
  const idOf = async (receipt: string): Promise<string> =>
    (await core.db('statement_lines').where({ tenant_id: tenant.id, receipt }).first('id')).id;
  await core
    .db('discrepancies')
    .where({ id: discrepancy })
    .update({ line_id: await idOf('UJ5'), receipt: 'UJ5' });
  const ids = { close: close.id, line: await idOf('UJ5'), suggested: await idOf('UJ6'), discrepancy };
  return { ...ids, statement: await giveStatement(app, tenant, evil) };
}

/** Shown before it is imported, with a row that cannot be read. */
async function giveStatement({ gateway: { core } }: TestGateway, tenant: TestTenant, evil: string): Promise<string> {
  const shortcode = await findShortcodeAcrossTenants(core.db, tenant.shortcodeId);
  const rows = [
    'Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)',
    `UJ68K3W0QZ,05/10/2026 12:00:00,"Pay Bill from 2547****111 - ${evil.replaceAll('"', '""')} Acc. INV-1",Completed,100.00,0.00,800.00`,
    `UJ68K3W0QX,"${evil.replaceAll('"', '""')}",Pay Bill,Completed,100.00,0.00,900.00`,
  ];
  const upload = {
    shortcode: shortcode!,
    fileName: `${evil}.csv`,
    bytes: Readable.from([Buffer.from(rows.join('\r\n'))]),
    createdBy: 'cli',
  };
  return (await previewStatement(core, upload)).statement.id;
}

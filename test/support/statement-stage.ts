// A stage for tests of statement imports: a gateway, whose statement it is, and imports as the console and the command
// line do them.

import type { Shortcode } from '../../src/mpesa/shortcode-store.ts';
import { findShortcodeAcrossTenants } from '../../src/mpesa/shortcode-store.ts';
import { type ImportDeps, type ImportOptions, importStatement } from '../../src/reconciliation/import-statement.ts';
import type { Line } from '../../src/reconciliation/line.ts';
import { toLine } from '../../src/reconciliation/line-store.ts';
import { type Previewed, previewStatement } from '../../src/reconciliation/preview-statement.ts';
import type { Statement } from '../../src/reconciliation/statement.ts';
import { findStatementAcrossTenants } from '../../src/reconciliation/statement-store.ts';
import type { TestGateway, TestTenant } from './build-gateway.ts';

export interface StatementStage {
  tenant: TestTenant;
  shortcode: Shortcode;
  /** Days that an import had reconciled. */
  reconciled: string[];
  deps: ImportDeps;
  preview(file: Buffer, fileName?: string): Promise<Previewed>;
  /** Preview and import, unless this very file was; the statement as it is then. */
  import(file: Buffer, options?: ImportOptions): Promise<Statement>;
  read(statementId: string): Promise<Statement>;
  /** All lines of the shortcode, by time, receipt and amount. */
  lines(): Promise<Line[]>;
  countPieces(): Promise<number>;
}

/** In pieces as a socket brings them. */
export async function* piecesOf(file: Buffer, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

let shortcodes = 600_000;

export async function beginStatementStage(app: TestGateway): Promise<StatementStage> {
  const { db, sealer, now } = app.gateway.core;
  shortcodes += 1;
  const tenant = await app.addTenant({ shortcode: String(shortcodes) });
  const shortcode = (await findShortcodeAcrossTenants(db, tenant.shortcodeId))!;
  const reconciled: string[] = [];
  const deps: ImportDeps = { db, sealer, now, reconcileDay: async ({ day }) => void reconciled.push(day) };
  const read = async (statementId: string): Promise<Statement> => (await findStatementAcrossTenants(db, statementId))!;
  const preview = (file: Buffer, fileName = 'statement'): Promise<Previewed> =>
    previewStatement(deps, { shortcode, fileName, bytes: piecesOf(file), createdBy: 'cli' });
  return {
    tenant,
    shortcode,
    reconciled,
    deps,
    preview,
    read,
    async import(file, options) {
      const { statement } = await preview(file);
      if (statement.status === 'imported') return statement;
      return importStatement(deps, statement.id, options);
    },
    async lines() {
      const rows = await db('statement_lines').where({ shortcode_id: shortcode.id });
      return rows
        .map((row) => toLine(row, sealer))
        .sort((one, other) => one.completedAt - other.completedAt || keyOf(one).localeCompare(keyOf(other)));
    },
    async countPieces() {
      const row = await db('statement_files')
        .join('statements', 'statements.id', 'statement_files.statement_id')
        .where({ shortcode_id: shortcode.id })
        .count({ found: '*' })
        .first();
      return Number(row?.found);
    },
  };
}

const keyOf = ({ receipt, amountCents, balanceCents }: Line): string => `${receipt} ${amountCents} ${balanceCents}`;

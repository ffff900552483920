// Holds a payment's row as a transaction elsewhere would, so that whoever wants to change it waits.

import Database from 'libsql';
import { isProductionProfile, type TestGateway } from './build-gateway.ts';

/** @returns how to let go */
export async function holdRow(app: TestGateway, paymentId: string): Promise<() => Promise<void>> {
  if (isProductionProfile) {
    const trx = await app.gateway.core.db.transaction();
    await trx('payments').where({ id: paymentId }).forUpdate();
    return async () => {
      await trx.rollback();
    };
  }
  // SQLite has one lock for the whole file.
  const other = new Database(app.config.databaseUrl.slice('sqlite:'.length));
  other.exec('BEGIN EXCLUSIVE');
  return async () => {
    other.exec('ROLLBACK');
    other.close();
  };
}

// InnoDB may choose a statement that stands alone as the victim of a deadlock: nothing of it has happened, so it is done
// again and whoever asked never hears of it.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Db, insertIgnoringDuplicates, inTransaction, updateRows } from '../../../src/platform/database.ts';
import { buildGateway, isProductionProfile, type TestGateway } from '../../support/build-gateway.ts';

const table = 'deadlock_rows';

if (isProductionProfile)
  describe('deadlocks', () => {
    let app: TestGateway;
    let db: Db;

    before(async () => {
      app = await buildGateway();
      db = app.gateway.core.db;
      await db.schema.createTable(table, (row) => {
        row.integer('id').primary();
        row.integer('value').notNullable();
      });
    });
    beforeEach(async () => {
      await db(table).delete();
      await db(table).insert(Array.from({ length: 60 }, (_, id) => ({ id, value: 0 })));
    });
    after(async () => {
      await db.schema.dropTableIfExists(table);
      await app.close();
    });

    /** A transaction that has changed so much that the engine ends `victim`, which has row 2 and wants row 1, and not it. */
    async function meet(victim: () => Promise<unknown>): Promise<void> {
      const heavy = await db.transaction();
      await heavy(table).where('id', '>=', 10).update({ value: 7 });
      await heavy(table).where({ id: 1 }).update({ value: 7 });
      const met = victim();
      await sleep(100);
      await heavy(table).where({ id: 2 }).update({ value: 7 });
      await heavy.commit();
      await met;
    }

    const valuesOf = async (): Promise<number[]> => db(table).whereIn('id', [1, 2]).orderBy('id').pluck('value');

    it('a query by itself is done again', async () => {
      await meet(async () => await db(table).whereIn('id', [1, 2]).orderBy('id', 'desc').limit(2).update({ value: 9 }));
      expect(await valuesOf()).to.deep.equal([9, 9]);
    });

    it('a batch of inserts is done again', async () => {
      await db(table).whereIn('id', [1, 2]).delete();
      const heavy = await db.transaction();
      await heavy(table).where('id', '>=', 10).update({ value: 7 });
      await heavy(table).insert({ id: 1, value: 5 });
      // It has inserted row 2 and waits for row 1, which the heavy one is inserting.
      const batch = insertIgnoringDuplicates(
        db,
        table,
        [2, 1].map((id) => ({ id, value: 9 })),
      );
      await sleep(100);
      await heavy(table).insert({ id: 2, value: 7 });
      await heavy.commit();
      expect(await batch).to.equal(0);
      expect(await valuesOf()).to.deep.equal([5, 7]);
    });

    it('a transaction inside another does not go on by itself when both were undone', async () => {
      let outer = 0;
      let inner = 0;
      await meet(() =>
        inTransaction(db, async (trx) => {
          outer += 1;
          await updateRows(trx, table, [{ id: 3, value: 9 }]);
          await inTransaction(trx, async (nested) => {
            inner += 1;
            await updateRows(nested, table, [{ id: 2, value: 9 }]);
            await updateRows(nested, table, [{ id: 1, value: 9 }]);
          });
        }),
      );
      expect({ outer, inner }).to.deep.equal({ outer: 2, inner: 2 });
      expect(await db(table).whereIn('id', [1, 2, 3]).orderBy('id').pluck('value')).to.deep.equal([9, 9, 9]);
    });
  });

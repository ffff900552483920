// Re-encrypts every sealed column under the newest key of the ring, while the servers run. It may be stopped and started
// again at any time: a box that is of the newest key already is passed over, and each is replaced only if nobody changed
// it meanwhile. It says that the old keys are needed no more only after it has looked once more and found none.

import type { Db } from './database.ts';
import {
  countRows,
  countStaleBoxes,
  replaceBoxes,
  type SealedColumn,
  sealedColumns,
  walkRows,
} from './reseal-store.ts';
import type { Sealer } from './sealing.ts';

export interface ResealDeps {
  db: Db;
  /** Its newest key seals; it must have every key that boxes are still sealed with. */
  sealer: Sealer;
  /** Lets the servers at the database between two batches. */
  pause(): Promise<void>;
  /** Rows in one transaction. */
  batchSize?: number;
  onProgress(progress: ResealProgress): void;
}

export interface ResealProgress {
  table: string;
  walked: number;
  total: number;
  resealed: number;
}

export interface ResealResult {
  resealed: number;
  tables: Record<string, number>;
  /** Boxes that no key of the ring opens, by their place; at most a hundred are named. */
  unreadable: string[];
  /** Boxes that are still not of the newest key, the unreadable among them. */
  left: number;
}

const usualBatchSize = 200;
/** A server that still seals with an older key makes a second look find more. */
const mostRounds = 3;
const mostNamed = 100;

export async function reseal(deps: ResealDeps): Promise<ResealResult> {
  const { db, sealer } = deps;
  const prefix = sealer.seal('', ['', '', '']).replace(/\..*$/, '.');
  const result: ResealResult = { resealed: 0, tables: {}, unreadable: [], left: 0 };
  for (let round = 1; round <= mostRounds; round += 1) {
    result.unreadable = [];
    result.left = 0;
    for (const column of sealedColumns) {
      const done = await resealColumn(deps, column, prefix, result.unreadable);
      result.resealed += done;
      result.tables[column.table] = (result.tables[column.table] ?? 0) + done;
    }
    for (const column of sealedColumns) result.left += await countStaleBoxes(db, column, prefix);
    if (result.left <= result.unreadable.length) break;
  }
  return result;
}

async function resealColumn(
  deps: ResealDeps,
  column: SealedColumn,
  prefix: string,
  unreadable: string[],
): Promise<number> {
  const { db, sealer, batchSize = usualBatchSize } = deps;
  const total = await countRows(db, column);
  let walked = 0;
  let resealed = 0;
  for (let afterId = ''; ; ) {
    const rows = await walkRows(db, column, prefix, afterId, batchSize);
    const boxes = rows.flatMap(({ rowId, staleBox }) => {
      if (staleBox === null) return [];
      const context = [column.table, column.column, rowId] as const;
      try {
        return [{ rowId, oldBox: staleBox, newBox: sealer.seal(sealer.open(staleBox, context), context) }];
      } catch {
        if (unreadable.length < mostNamed) unreadable.push(context.join(' '));
        return [];
      }
    });
    resealed += await replaceBoxes(db, column, boxes);
    walked += rows.length;
    deps.onProgress({ table: column.table, walked, total: Math.max(total, walked), resealed });
    if (rows.length < batchSize) return resealed;
    afterId = rows.at(-1)!.rowId;
    if (boxes.length > 0) await deps.pause();
  }
}

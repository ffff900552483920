// What came from Safaricom while the database was away: results of pushes, and C2B confirmations. Each is sent once and
// never again (daraja.md section 4.5), so it is on the disk, sealed and flushed, before it is acknowledged; it takes
// effect when the database is back.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isDatabaseAway } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { Sealer } from '../platform/sealing.ts';

interface ArrivedBody {
  requestId: string;
  sourceIp: string;
  raw: string;
  arrivedAt: number;
}

/** The result of a push as it arrived. */
export interface ArrivedCallback extends ArrivedBody {
  /** Left out by what spooled before there were two kinds. */
  kind?: 'stk';
  /** Id of its evidence: fixed on arrival, so that settling it twice is impossible. */
  evidenceId: string;
  paymentId: string;
}

/** A C2B confirmation as it arrived. Its receipt is what makes hearing it twice harmless. */
export interface ArrivedConfirmation extends ArrivedBody {
  kind: 'c2b';
  shortcodeId: string;
}

export type Arrived = ArrivedCallback | ArrivedConfirmation;

export interface CallbackSpool {
  /** Resolves when what arrived is on the disk. */
  append(arrived: Arrived): Promise<void>;
  /** Hands each to `settle`, oldest first, and forgets it when that resolves; stops while the database is away. */
  drain(settle: (arrived: Arrived) => Promise<void>): Promise<number>;
  depth(): Promise<number>;
}

export function createCallbackSpool(directory: string, sealer: Sealer, logger: Logger): CallbackSpool {
  const contextOf = (name: string): readonly [string, string, string] => ['spool', 'callback', name];

  async function names(): Promise<string[]> {
    try {
      return (await readdir(directory)).filter((name) => name.endsWith('.sealed')).sort();
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
      throw thrown;
    }
  }

  /** Kept under another name for somebody to look at, out of the way of the others. */
  async function setAside(name: string, why: 'unreadable' | 'refused', thrown: unknown): Promise<void> {
    logger.error('spool.set_aside', { file: name, why, error: thrown });
    await rename(join(directory, name), join(directory, `${name}.${why}`));
  }

  return {
    async append(arrived) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const name = `${String(arrived.arrivedAt).padStart(15, '0')}-${randomBytes(8).toString('hex')}.sealed`;
      const writing = join(directory, `${name}.writing`);
      const file = await open(writing, 'wx', 0o600);
      try {
        await file.writeFile(sealer.seal(JSON.stringify(arrived), contextOf(name)));
        await file.sync();
      } finally {
        await file.close();
      }
      // The name appears only when the content is whole; the folder is flushed so that the name survives too.
      await rename(writing, join(directory, name));
      const folder = await open(directory, constants.O_RDONLY);
      await folder.sync().finally(() => folder.close());
    },

    async drain(settle) {
      let settled = 0;
      for (const name of await names()) {
        let arrived: Arrived;
        try {
          arrived = JSON.parse(sealer.open(await readFile(join(directory, name), 'utf8'), contextOf(name))) as Arrived;
        } catch (thrown) {
          await setAside(name, 'unreadable', thrown);
          continue;
        }
        try {
          await settle(arrived);
        } catch (thrown) {
          // The database is away: the rest waits with this one. Refused for what it says: it must not hold up the rest.
          if (isDatabaseAway(thrown)) throw thrown;
          await setAside(name, 'refused', thrown);
          continue;
        }
        await unlink(join(directory, name));
        settled += 1;
      }
      return settled;
    },

    depth: async () => (await names()).length,
  };
}

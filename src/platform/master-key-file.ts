// Changes the ring of DATA_DIR/master.key: whole or not at all, and on the disk before anything is sealed with it. A
// ring that was lost cannot be made again.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readOrMakeMasterKeys } from './master-key.ts';

/** Puts a new key in front of those in the file; the whole ring, newest first. */
export async function addMasterKey(dataDir: string): Promise<Buffer[]> {
  const ring = [randomBytes(32), ...readOrMakeMasterKeys(dataDir)];
  await writeRing(dataDir, ring);
  return ring;
}

/** Leaves only the newest key in the file; how many were taken out. */
export async function dropOldMasterKeys(dataDir: string): Promise<number> {
  const ring = readOrMakeMasterKeys(dataDir);
  if (ring.length > 1) await writeRing(dataDir, ring.slice(0, 1));
  return ring.length - 1;
}

/** When the ring was last changed, in milliseconds since the epoch. */
export async function masterKeyFileChangedAt(dataDir: string): Promise<number> {
  return (await stat(join(dataDir, 'master.key'))).mtimeMs;
}

async function writeRing(dataDir: string, ring: readonly Buffer[]): Promise<void> {
  const target = join(dataDir, 'master.key');
  const writing = `${target}.writing`;
  const file = await open(writing, 'wx', 0o600).catch((thrown: unknown) => {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
    throw new Error(
      `${writing} is there: another rotation writes it, or was killed while it did. If none runs, remove it and start again; ${target} is untouched.`,
    ); // prettier-ignore
  });
  try {
    await file.writeFile(`${ring.map((key) => key.toString('base64')).join(',')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(writing, target);
  const folder = await open(dataDir, constants.O_RDONLY);
  await folder.sync().finally(() => folder.close());
}

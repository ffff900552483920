// SQLite serves one server (design.md section 4), and one process migrates it at a time. A file beside the database
// names the process that does; one left by a process that is gone is replaced.

import { readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';

/** Takes the file for this process; returns how to give it back. @throws when another living process serves it */
export function lockForOneServer(databaseFile: string): () => void {
  const file = `${databaseFile}.server`;
  const holder = readHolder(file);
  if (holder !== null && holder !== process.pid && isAlive(holder)) {
    throw new Error(
      `process ${holder} serves ${databaseFile} already, and SQLite serves one. Stop it first; for several processes use MySQL and Redis. (If ${holder} is not Lango, remove ${file}.)`,
    );
  }
  writeFileSync(file, String(process.pid), { mode: 0o600 });
  return () => {
    if (readHolder(file) === process.pid) unlinkSync(file);
  };
}

/** Runs `work` while no other process does: waits its turn for up to a minute. */
export async function inTurn<T>(file: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 60_000;
  while (!tryTake(file)) {
    const holder = readHolder(file);
    if (holder !== null && !isAlive(holder)) rmSync(file, { force: true });
    else if (Date.now() > deadline)
      throw new Error(`process ${holder} has held ${file} for a minute; look at it before trying again`);
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryTake(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
}

function readHolder(file: string): number | null {
  try {
    return Number(readFileSync(file, 'utf8')) || null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}

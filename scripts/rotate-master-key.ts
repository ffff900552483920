// `lango master-key rotate` (api.md, Command line; docs/decisions, Rotating the master key): re-encrypts all that is
// sealed under the newest key, while the servers run, and can be stopped and started again. Keys are never printed.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Core, composeCore } from '../src/compose.ts';
import { type Config, readConfig } from '../src/config.ts';
import { auditAct } from '../src/console/audit-act.ts';
import { silentLogger } from '../src/platform/logger.ts';
import { addMasterKey, dropOldMasterKeys, masterKeyFileChangedAt } from '../src/platform/master-key-file.ts';
import { type ResealProgress, reseal } from '../src/platform/reseal.ts';
import { countWorkersAlive } from '../src/platform/reseal-store.ts';
import { createSealer } from '../src/platform/sealing.ts';
import { actDeps, byCommand } from './command-line.ts';

const aliveForMs = 30_000;
const pauseMs = 5;
const progressEveryMs = 2000;

export interface Rotation {
  resealed: number;
  tables: Record<string, number>;
  /** Whether nothing is sealed with an older key any more, callbacks waiting in this DATA_DIR included. */
  oldKeysRemovable: boolean;
  /** How many keys were taken out of the key file. */
  keysDropped: number;
}

export function addMasterKeyCommands(program: Command): void {
  const keys = program.command('master-key').description('the key that everything sealed is sealed with');
  keys
    .command('rotate')
    .description(
      'seal everything anew with the newest key, while the servers run; may be stopped and started again.\n' +
        'With MASTER_KEY: first restart every server with MASTER_KEY=<new>,<old>, then run this with the same.\n' +
        'With DATA_DIR/master.key: stop the server, run this (it makes the new key), and start it again at once.',
    )
    .option('--drop-old', 'when all is done, take the old keys out of DATA_DIR/master.key', false)
    .option('--json', 'print one JSON object')
    .action(async ({ dropOld, json }: { dropOld: boolean; json?: boolean }) => {
      const done = await rotateMasterKey(readConfig(), dropOld, (line) => process.stderr.write(`${line}\n`));
      const shown = {
        resealed: done.resealed,
        tables: done.tables,
        old_keys_removable: done.oldKeysRemovable,
        keys_dropped: done.keysDropped,
      };
      process.stdout.write(json === true ? `${JSON.stringify(shown)}\n` : `Sealed ${done.resealed} values anew.\n`);
    });
}

/** @throws Error that says what to do, when rotating is not safe now or something could not be sealed anew */
export async function rotateMasterKey(
  config: Config,
  dropOld: boolean,
  say: (line: string) => void,
): Promise<Rotation> {
  const core = await composeCore(config, { logger: silentLogger });
  try {
    const ring = await chooseRing(core, say);
    await noteStart(core, ring.length);
    const result = await reseal({
      db: core.db,
      sealer: createSealer(ring),
      pause: () => new Promise((resolve) => setTimeout(resolve, pauseMs)),
      onProgress: progressTo(say),
    });
    if (result.unreadable.length > 0)
      throw new Error(
        `${result.unreadable.length} value(s) open with no key of the ring: ${result.unreadable.join(', ')}. Put the key they were sealed with at the end of the ring and run this again; the rest is done.`,
      );
    if (result.left > 0)
      throw new Error(
        `${result.left} value(s) were sealed with an older key while this ran: a server was started with an older ring. Restart it, then run this again.`,
      );
    const spooled = await countSpooled(config.dataDir);
    if (spooled > 0)
      say(
        `${spooled} callback(s) wait in ${join(config.dataDir, 'spool')} and may need the old key: keep it until a server has settled them.`,
      );
    const isFileRing = config.masterKeys === null;
    const keysDropped = dropOld && isFileRing && spooled === 0 ? await dropOldMasterKeys(config.dataDir) : 0;
    if (spooled === 0 && keysDropped === 0) say(adviceAfter(isFileRing));
    return { resealed: result.resealed, tables: result.tables, oldKeysRemovable: spooled === 0, keysDropped };
  } finally {
    await core.close();
  }
}

/** The keys themselves are no part of the entry. It may stand there several times: a rotation that stopped begins again. */
async function noteStart(core: Core, keys: number): Promise<void> {
  const entry = { action: 'master_key.rotation_started', tenantId: null, target: null, after: { keys } };
  await auditAct(actDeps(core), byCommand(), async () => ({ result: undefined, entry }));
}

/** The ring to seal with: the one of MASTER_KEY, or the file's with a new key in front where it has but one. */
async function chooseRing(
  { config, db, masterKeys, now }: Core,
  say: (line: string) => void,
): Promise<readonly Buffer[]> {
  if (config.masterKeys !== null) {
    if (masterKeys.length > 1) return masterKeys;
    throw new Error(
      'MASTER_KEY has one key, so there is nothing to rotate to. Put a new one (openssl rand -base64 32) in front: MASTER_KEY=<new>,<old>. Restart every server with it, then run this with the same.',
    );
  }
  const isBegun = masterKeys.length > 1;
  const knewTheRing = isBegun ? await masterKeyFileChangedAt(config.dataDir) : Number.MAX_SAFE_INTEGER;
  const behind = await countWorkersAlive(db, now() - aliveForMs, knewTheRing);
  if (behind > 0)
    throw new Error(
      `${isBegun ? 'A server runs that was started before the key file was changed: restart it' : 'A server is running, and it would not know the new key: stop it'}, then run this again. (One that was killed counts for ${aliveForMs / 1000} s more.)`,
    );
  if (isBegun) return masterKeys;
  const ring = await addMasterKey(config.dataDir);
  say(
    `A new key is in ${join(config.dataDir, 'master.key')}, in front of the old one: keep a copy. The server may be started again now.`,
  );
  return ring;
}

function adviceAfter(isFileRing: boolean): string {
  const keep = 'Keep a copy as long as you keep backups from before.';
  if (isFileRing)
    return `Nothing is sealed with an older key any more. \`lango master-key rotate --drop-old\` takes the old keys out of the key file. ${keep}`;
  return `Nothing in the database is sealed with an older key any more. Once no server has callbacks in its spool (lango_spool_depth is 0 everywhere), take the old key out of MASTER_KEY and restart the servers. ${keep}`;
}

/** A line when a table is done, and every two seconds while it is not. */
function progressTo(say: (line: string) => void): (progress: ResealProgress) => void {
  let saidAt = Date.now();
  return ({ table, walked, total, resealed }) => {
    if (walked < total && Date.now() - saidAt < progressEveryMs) return;
    saidAt = Date.now();
    say(`${table}: looked at ${walked} of ${total}, sealed ${resealed} anew`);
  };
}

/** Callbacks that wait for the database, and those that could not be read. */
async function countSpooled(dataDir: string): Promise<number> {
  const names = await readdir(join(dataDir, 'spool')).catch(() => [] as string[]);
  return names.filter((name) => /\.(sealed|unreadable)$/.test(name)).length;
}

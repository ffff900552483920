// What a server stands on, looked at for `lango doctor` and the console's System page: the data folder, the key ring, the
// database, Redis and the clock. It changes nothing: no migration runs, no key and no database file is made.

import { access, constants, open, readFile, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Check, ok, problem, warning } from './check-report.ts';
import type { Db } from './database.ts';
import { type DatabaseFacts, findRootKeyBox, readDatabaseFacts } from './diagnosis-store.ts';
import { messageOf } from './errors.ts';
import { pendingMigrations } from './migrate.ts';
import type { RedisConnections } from './redis.ts';
import type { Sealer } from './sealing.ts';

/** What of the configuration is looked at. */
export interface CheckedSettings {
  dataDir: string;
  /** Null when they are read from the data folder. */
  masterKeys: readonly Buffer[] | null;
  autoMigrate: boolean;
  redisUrl: string | null;
}

const oldest = { SQLite: '3.35', MySQL: '8.0', MariaDB: '10.6', Redis: '6.2' } as const;
const fewestFreeBytes = 1024 ** 3;
const mostSkewMs = 30_000;
const redisPatienceMs = 3000;

export async function checkDataFolder({ dataDir }: Pick<CheckedSettings, 'dataDir'>): Promise<Check> {
  const name = 'data folder';
  const folder = resolve(dataDir);
  const present = await firstPresent(folder);
  try {
    await access(present, constants.W_OK | constants.X_OK);
    if (present === folder) await tryWriting(folder);
  } catch (thrown) {
    return problem(
      name,
      `${folder} cannot be written: ${messageOf(thrown)}`,
      'Give it to the account that runs Lango, or set DATA_DIR: the callback spool must be able to write.',
    );
  } // prettier-ignore
  const { bavail, bsize } = await statfs(present);
  const free = `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB free`;
  if (bavail * bsize < fewestFreeBytes)
    return warning(name, `${folder}, ${free}`, 'Make room: callbacks are spooled here while the database is away.');
  return ok(
    name,
    present === folder ? `${folder} can be written, ${free}` : `${folder} will be made at the first start, ${free}`,
  );
}

async function firstPresent(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if (at === dirname(at)) return at;
    const isPresent = await access(at).then(
      () => true,
      () => false,
    );
    if (isPresent) return at;
  }
}

async function tryWriting(folder: string): Promise<void> {
  const file = join(folder, `.doctor-${process.pid}`);
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile('x');
    await handle.sync();
  } finally {
    await handle.close();
    await unlink(file);
  }
}

/** The ring of MASTER_KEY or of the key file, as far as it can be read without making one. */
export async function checkMasterKey(
  { masterKeys, dataDir }: Pick<CheckedSettings, 'masterKeys' | 'dataDir'>,
  db: Db | null,
  sealer: Sealer | null,
): Promise<Check> {
  const name = 'master key';
  const box = db === null ? undefined : await findRootKeyBox(db).catch(() => undefined);
  if (sealer === null) {
    if (box === undefined) return ok(name, 'will be made at the first start');
    return problem(
      name,
      'the database is sealed, and there is no key for it',
      `Restore ${join(dataDir, 'master.key')} from your copy, or set MASTER_KEY to the key it was sealed with. Do not start a server before: it would make another key.`,
    );
  }
  const from = masterKeys === null ? join(dataDir, 'master.key') : 'MASTER_KEY';
  if (box !== undefined) {
    try {
      sealer.open(box, ['data_keys', 'key_sealed', 'hashing']);
    } catch {
      return problem(
        name,
        `no key of ${from} opens this database`,
        'Put the key back that it was sealed with (several: comma-separated, newest first).',
      );
    }
  }
  if (masterKeys === null && ((await stat(join(dataDir, 'master.key'))).mode & 0o077) !== 0)
    return warning(name, `others may read ${from}`, `chmod 600 ${from}`);
  if (box !== undefined && !sealer.isCurrent(box))
    return warning(
      name,
      `${from} has a newer key than the database is sealed with`,
      'A rotation is not finished: run `lango master-key rotate`.',
    );
  return ok(name, box === undefined ? from : `${from} opens this database`);
}

/** The key file's ring; null when there is none yet. Never makes one. */
export async function readKeyFile(dataDir: string): Promise<Buffer[] | null> {
  const text = await readFile(join(dataDir, 'master.key'), 'utf8').catch(() => null);
  const keys = text
    ?.trim()
    .split(',')
    .map((key) => Buffer.from(key.trim(), 'base64')); // prettier-ignore
  return keys === undefined || keys.some((key) => key.length !== 32) ? null : keys;
}

/** Null when the database cannot be asked anything further. */
export async function checkDatabase(
  db: Db,
  config: Pick<CheckedSettings, 'autoMigrate' | 'redisUrl'>,
): Promise<{ checks: Check[]; facts: DatabaseFacts | null; isMigrated: boolean }> {
  const name = 'database';
  try {
    const facts = await readDatabaseFacts(db);
    const pending = await pendingMigrations(db);
    return {
      checks: [judgeDatabase(facts, config), judgeMigrations(pending, config.autoMigrate)],
      facts,
      isMigrated: pending.length === 0,
    };
  } catch (thrown) {
    return {
      checks: [
        problem(
          name,
          `does not answer: ${messageOf(thrown)}`,
          'Check DATABASE_URL: host, port, user, password, the name of the database, and that the server runs.',
        ),
      ],
      facts: null,
      isMigrated: false,
    };
  }
}

function judgeDatabase(
  { engine, version, isolation, isDurable }: DatabaseFacts,
  { redisUrl }: Pick<CheckedSettings, 'redisUrl'>,
): Check {
  const name = 'database';
  const detail = `${engine} ${version}${isolation === null ? '' : `, ${isolation}`}`;
  if (isOlder(version, oldest[engine]))
    return problem(name, `${detail} is too old`, `Use ${engine} ${oldest[engine]} or newer.`);
  if (isolation !== null && isolation !== 'READ-COMMITTED')
    return problem(
      name,
      detail,
      'Our connections ask for READ COMMITTED and do not get it; is a proxy between us and the server?',
    );
  if (!isDurable)
    return warning(
      name,
      `${detail}; a commit is not on the disk when it returns`,
      engine === 'SQLite'
        ? 'Keep the file on a local disk: WAL and synchronous=FULL were not accepted.'
        : 'Set innodb_flush_log_at_trx_commit=1, or a crash of the server loses payments that were promised.',
    );
  if (engine === 'SQLite' && redisUrl !== null)
    return warning(
      name,
      detail,
      'REDIS_URL is for several processes, and SQLite serves one. Use MySQL or MariaDB for more.',
    );
  return ok(name, detail);
}

function judgeMigrations(pending: readonly string[], isAutomatic: boolean): Check {
  if (pending.length === 0) return ok('migrations', 'the schema is up to date');
  const detail = `${pending.length} pending: ${pending.join(', ')}`;
  return isAutomatic
    ? ok('migrations', `${detail}; applied at the next start`)
    : problem('migrations', detail, 'Run `lango migrate`; a server does not start before.');
}

export async function checkRedis(redis: RedisConnections): Promise<Check> {
  const name = 'redis';
  try {
    await untilReady(redis);
    const told = `${await redis.commands.info('server')}\n${await redis.commands.info('memory')}`;
    const read = (field: string): string => new RegExp(`^${field}:(\\S+)`, 'm').exec(told)?.[1] ?? '';
    const version = read('redis_version');
    if (isOlder(version, oldest.Redis))
      return problem(name, `Redis ${version} is too old`, `Use Redis ${oldest.Redis} or newer.`);
    const policy = read('maxmemory_policy');
    if (policy !== '' && policy !== 'noeviction')
      return warning(
        name,
        `Redis ${version}, maxmemory-policy ${policy}`,
        'Set maxmemory-policy noeviction: evicted queue keys cost time until the sweep finds what they were about.',
      );
    return ok(name, `Redis ${version}${policy === '' ? '' : `, ${policy}`}`);
  } catch (thrown) {
    return problem(
      name,
      `does not answer: ${messageOf(thrown)}`,
      'Check REDIS_URL and that the server runs. Nothing is lost without it, but rates and prompts are slower.',
    );
  }
}

/** Commands fail at once while there is no connection, so one that is just being made is waited for. */
function untilReady({ commands }: RedisConnections): Promise<void> {
  if (commands.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    let last = 'no connection';
    const timer = setTimeout(() => reject(new Error(last)), redisPatienceMs);
    commands.on('error', (error: Error) => {
      last = error.message || last;
    });
    commands.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** @param others who said what time it is, and when by our clock that was */
export function checkClock(others: readonly { who: string; theirMs: number; ourMs: number }[]): Check {
  const name = 'clock';
  if (others.length === 0)
    return warning(name, 'nobody to compare it with', 'Make sure that this machine keeps its clock right (NTP).');
  const skews = others.map(({ who, theirMs, ourMs }) => ({ who, skewMs: ourMs - theirMs }));
  const worst = skews.reduce((left, right) => (Math.abs(left.skewMs) >= Math.abs(right.skewMs) ? left : right));
  const said = skews
    .map(({ who, skewMs }) => `${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} ${who}`)
    .join(', '); // prettier-ignore
  if (Math.abs(worst.skewMs) > mostSkewMs)
    return problem(
      name,
      said,
      'Set the clocks right (NTP): expiry, webhook signatures and matching with M-PESA’s records depend on them.',
    );
  return ok(name, said);
}

function isOlder(version: string, wanted: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

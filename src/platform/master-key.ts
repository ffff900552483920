// The master key outside production: made at the first start and kept beside the data, readable by the owner only. In
// production it comes from MASTER_KEY, so that a stolen disk does not hold both the box and its key.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The keys of `DATA_DIR/master.key`, newest first, comma-separated base64; made when the file is not there. */
export function readOrMakeMasterKeys(dataDir: string): Buffer[] {
  const file = join(dataDir, 'master.key');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, randomBytes(32).toString('base64') + '\n', { flag: 'wx', mode: 0o600 });
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  }
  const keys = readFileSync(file, 'utf8')
    .trim()
    .split(',')
    .map((key) => Buffer.from(key.trim(), 'base64')); // prettier-ignore
  if (keys.some((key) => key.length !== 32))
    throw new Error(
      `${file} does not hold 32 bytes in base64; restore it from a copy, the sealed data cannot be read without it`,
    );
  return keys;
}

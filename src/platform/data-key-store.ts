// The installation's root for keyed hashes: made once, sealed by the master key, and never changed by a rotation of the
// master key, because hashes already stored (of API keys, of phones) could not be found again.

import { hkdfSync, randomBytes } from 'node:crypto';
import { type Db, insertIgnoringDuplicates } from './database.ts';
import type { Sealer } from './sealing.ts';

export interface DataKeys {
  /** Pepper for the secrets of API keys. */
  apiKeys: Buffer;
  /** Signs the path a callback comes back on. */
  callbacks: Buffer;
  /** Blind index of phones, and fingerprints of requests. */
  blindIndex: Buffer;
  /** Chains the audit log. */
  audit: Buffer;
  /** Hashes the tokens of the console: sessions, one-time links, recovery codes, form tokens. */
  console: Buffer;
}

/** Reads the root, making it at the first start; several processes that start at once agree on one. */
export async function loadDataKeys(db: Db, sealer: Sealer, now: number): Promise<DataKeys> {
  const made = {
    purpose: 'hashing',
    key_sealed: sealer.seal(randomBytes(32).toString('base64'), ['data_keys', 'key_sealed', 'hashing']),
    created_at: now,
  };
  await insertIgnoringDuplicates(db, 'data_keys', [made]);
  const row = await db('data_keys').where({ purpose: 'hashing' }).first();
  const root = Buffer.from(sealer.open(row.key_sealed, ['data_keys', 'key_sealed', 'hashing']), 'base64');
  const derive = (label: string): Buffer => Buffer.from(hkdfSync('sha256', root, 'lango', label, 32));
  return {
    apiKeys: derive('api keys'),
    callbacks: derive('callbacks'),
    blindIndex: derive('blind index'),
    audit: derive('audit log'),
    console: derive('console tokens'),
  };
}

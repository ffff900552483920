// An owner who has signed in, in front of a gateway: the session is written as the sign-in would, and every request
// carries its cookie over one kept connection, one at a time.

import { randomBytes } from 'node:crypto';
import { Client } from 'undici';
import type { Core } from '../../../src/compose.ts';
import { insertOperator, insertSession } from '../../../src/console/operator-store.ts';
import { hashToken, newOperator } from '../../../src/console/sign-in.ts';

export interface Visit {
  status: number;
  bytes: number;
  /** From the call to the last byte of the answer. */
  ms: number;
}

export interface Visitor {
  get(path: string): Promise<Visit>;
  close(): Promise<void>;
}

/** The cookie of a session that lasts as long as a run. */
export async function signIn({ db, sealer, dataKeys, config }: Core): Promise<string> {
  const now = Date.now();
  const email = `owner.${randomBytes(4).toString('hex')}@bench.example`;
  const owner = newOperator({ email, role: 'owner', tenantId: null, passwordHash: 'none', createdAt: now });
  await insertOperator(db, sealer, owner);
  const token = randomBytes(32).toString('base64url');
  const from = { ip: '127.0.0.1', userAgent: 'bench', createdAt: now, seenAt: now };
  const id = hashToken(dataKeys.console, token);
  await insertSession(db, { id, operatorId: owner.id, stage: 'full', ...from, steppedUpAt: now });
  const name = config.publicUrl.startsWith('https:') ? '__Host-lango' : 'lango';
  return `${name}=${token}`;
}

export function visit(url: string, headers: Readonly<Record<string, string>>): Visitor {
  const client = new Client(url, { pipelining: 1, keepAliveTimeout: 60_000 });
  return {
    async get(path) {
      const startedAt = performance.now();
      const { statusCode, body } = await client.request({ method: 'GET', path, headers: { ...headers } });
      const { byteLength } = await body.arrayBuffer();
      return { status: statusCode, bytes: byteLength, ms: performance.now() - startedAt };
    },
    close: () => client.close(),
  };
}

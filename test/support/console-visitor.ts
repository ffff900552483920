// An operator who has signed in already, for tests of the console's pages: a session is written for them, as the sign-in
// would, and every request carries its cookie. Passwords and codes have tests of their own.

import { randomBytes } from 'node:crypto';
import { insertOperator, insertSession, type Operator } from '../../src/console/operator-store.ts';
import type { OperatorRole } from '../../src/console/permissions.ts';
import { hashToken, newOperator } from '../../src/console/sign-in.ts';
import type { TestGateway } from './build-gateway.ts';

export interface Visit {
  status: number;
  headers: Headers;
  html: string;
}

export interface Visitor {
  operator: Operator;
  cookie: string;
  sessionId: string;
  /** GET; redirects are answered, not followed. */
  get(path: string): Promise<Visit>;
  /** POST of a form as a page of ours sends it, with the token of the session's forms. */
  post(path: string, fields?: Record<string, string | readonly string[]>): Promise<Visit>;
}

export interface VisitorOptions {
  role?: OperatorRole;
  /** Null: all tenants. */
  tenantId?: string | null;
  /** Milliseconds ago; null: no code was given. */
  steppedUpAgo?: number | null;
}

export async function signedIn(app: TestGateway, options: VisitorOptions = {}): Promise<Visitor> {
  const { role = 'operator', tenantId = null, steppedUpAgo = 0 } = options;
  const { core } = app.gateway;
  const { console: consoleKey } = core.dataKeys;
  const email = `${role}.${randomBytes(4).toString('hex')}@lango.example`;
  const passwordHash = 'none: this operator never types one';
  const operator = newOperator({ email, role, tenantId, passwordHash, createdAt: core.now() });
  await insertOperator(core.db, core.sealer, operator);
  const token = randomBytes(32).toString('base64url');
  const sessionId = hashToken(consoleKey, token);
  const now = core.now();
  const from = { ip: '127.0.0.1', userAgent: 'test', createdAt: now, seenAt: now };
  const steppedUpAt = steppedUpAgo === null ? null : now - steppedUpAgo;
  await insertSession(core.db, { id: sessionId, operatorId: operator.id, stage: 'full', ...from, steppedUpAt });
  const cookie = `lango=${token}`;

  async function visit(path: string, init: RequestInit): Promise<Visit> {
    const headers = { cookie, ...init.headers };
    const response = await fetch(app.url + path, { ...init, headers, redirect: 'manual' });
    return { status: response.status, headers: response.headers, html: await response.text() };
  }

  return {
    operator,
    cookie,
    sessionId,
    get: (path) => visit(path, {}),
    async post(path, fields = {}) {
      const page = await visit('/console', {});
      const formToken = /name="_token" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
      const pairs = Object.entries(fields).flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name, one]),
      );
      const body = new URLSearchParams([['_token', formToken], ...pairs]).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: app.url };
      return visit(path, { method: 'POST', body, headers });
    },
  };
}

/** What the next page will say of what was just done; empty where nothing will be said. */
export function flashOf({ headers }: Visit): string {
  const cookie = /lango-flash=([\w-]+)/.exec(headers.getSetCookie().join())?.[1] ?? '';
  return cookie === '' ? '' : JSON.parse(Buffer.from(cookie, 'base64url').toString('utf8')).text;
}

/** Where an answer leads, as a path of the console. */
export const leadsTo = ({ headers }: Visit): string => headers.get('location') ?? '';

// Every route of the console, read from the router that serves them, so that none can be forgotten by a test that walks
// them; and requests as a session of any role sends them, without a page having been opened before.

import { randomBytes } from 'node:crypto';
import type Router from '@koa/router';
import { insertOperator, insertSession, type Operator } from '../../src/console/operator-store.ts';
import { hashPassword } from '../../src/console/passwords.ts';
import type { OperatorRole } from '../../src/console/permissions.ts';
import { hashToken, newOperator } from '../../src/console/sign-in.ts';
import { keyedHash } from '../../src/platform/sealing.ts';
import type { TestGateway } from './build-gateway.ts';

export interface ConsoleRoute {
  method: 'GET' | 'POST';
  path: string;
  /** `GET /console/keys/:id` */
  name: string;
}

export function consoleRoutes(app: TestGateway): ConsoleRoute[] {
  const routers = app.gateway.app.middleware.flatMap((one) => ('router' in one ? [one.router as Router] : []));
  const layers = routers.flatMap(({ stack }) => stack).filter(({ path }) => String(path).startsWith('/console'));
  return layers.flatMap(({ methods, path }) =>
    (['GET', 'POST'] as const)
      .filter((method) => methods.includes(method))
      .map((method) => ({ method, path: String(path), name: `${method} ${path}` })),
  );
}

export interface TestSession {
  operator: Operator;
  /** What its pages send with every form. */
  formToken: string;
  /** Sends a request and looks at the answer's head only: a stream of events never ends. */
  ask(route: Pick<ConsoleRoute, 'method'>, path: string, change?: Partial<Sent>): Promise<Asked>;
}

export interface Asked {
  status: number;
  location: string;
  /** Null for a stream. */
  html: string | null;
}

interface Sent {
  token: string;
  headers: Record<string, string>;
  fields: Record<string, string>;
}

export interface SessionOptions {
  role: OperatorRole;
  tenantId?: string | null;
  stage?: 'password' | 'full';
  steppedUpAgoMs?: number;
}

/** Made once: nobody types it. */
let passwordHash: Promise<string> | null = null;

export async function openSession(app: TestGateway, options: SessionOptions): Promise<TestSession> {
  const { role, tenantId = null, stage = 'full', steppedUpAgoMs = 0 } = options;
  const { db, sealer, dataKeys, now } = app.gateway.core;
  passwordHash ??= hashPassword(randomBytes(16).toString('hex'));
  const email = `${role}.${randomBytes(4).toString('hex')}@lango.example`;
  const operator = newOperator({ email, role, tenantId, passwordHash: await passwordHash, createdAt: now() });
  await insertOperator(db, sealer, operator);
  const token = randomBytes(32).toString('base64url');
  await insertSession(db, {
    id: hashToken(dataKeys.console, token),
    operatorId: operator.id,
    stage,
    ip: '127.0.0.1',
    userAgent: 'test',
    createdAt: now(),
    seenAt: now(),
    steppedUpAt: now() - steppedUpAgoMs,
  });
  const formToken = keyedHash(dataKeys.console, `form ${token}`, 24);
  return {
    operator,
    formToken,
    async ask({ method }, path, { token: given = formToken, headers = { origin: app.url }, fields = {} } = {}) {
      const isForm = method === 'POST';
      const response = await fetch(app.url + path, {
        method,
        redirect: 'manual',
        headers: {
          cookie: `lango=${token}`,
          ...(isForm ? { 'content-type': 'application/x-www-form-urlencoded', ...headers } : {}),
        },
        ...(isForm ? { body: new URLSearchParams({ _token: given, ...fields }).toString() } : {}),
      });
      const location = (response.headers.get('location') ?? '').replace(app.url, '');
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
      if (isStream) await response.body?.cancel();
      return { status: response.status, location, html: isStream ? null : await response.text() };
    },
  };
}

// Operators who really sign in: with a password, the codes of an authenticator, or a one-time link, as a browser's tests
// need them. A code works once, so each one asked for here is of a later moment of the gateway's clock.

import { randomBytes } from 'node:crypto';
import { generateSync } from 'otplib';
import { createOperator, createOwnerLink, linkOf } from '../../src/console/manage-operators.ts';
import { updateOperator } from '../../src/console/operator-store.ts';
import type { OperatorRole } from '../../src/console/permissions.ts';
import { newTotpSecret } from '../../src/console/totp.ts';
import type { TestGateway } from './build-gateway.ts';

export interface Person {
  id: string;
  email: string;
  password: string;
  /** What their authenticator makes codes from. */
  secret: string;
}

export interface People {
  /** An operator who has an authenticator already. */
  person(role: OperatorRole, options?: { email?: string; tenantId?: string | null }): Promise<Person>;
  /** Where the first owner is made. */
  ownerLink(): Promise<string>;
  /** The code that an authenticator shows now. */
  code(secret: string): string;
  /** The code that an authenticator shows half a minute from now, when the clock then stands. */
  nextCode(secret: string): string;
}

export const goodPassword = 'correct horse battery staple';
const by = { actor: { id: 'cli', name: 'test' }, ip: null };
const stepMs = 30_000;

export function tellPeople(app: TestGateway): People {
  const { core } = app.gateway;
  const deps = { ...core, consoleKey: core.dataKeys.console, auditKey: core.dataKeys.audit };
  const code = (secret: string): string => generateSync({ secret, epoch: Math.floor(app.clock.now() / 1000) });
  return {
    code,
    async person(role, { email = `${role}.${randomBytes(4).toString('hex')}@lango.example`, tenantId = null } = {}) {
      const request = { email, role, tenantId, password: goodPassword };
      const { operator } = await createOperator(deps, by, request);
      const secret = newTotpSecret();
      await updateOperator(core.db, core.sealer, { ...operator, totpSecret: secret });
      return { id: operator.id, email, password: goodPassword, secret };
    },
    async ownerLink() {
      const token = await createOwnerLink(deps, by);
      if (token === null) throw new Error('there is an owner already');
      return linkOf(app.url, token);
    },
    nextCode(secret) {
      app.clock.set(app.clock.now() + stepMs);
      return code(secret);
    },
  };
}

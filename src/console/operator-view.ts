// People and their sessions as pages show them: what each may do and where, and which browser a session is of.

import { spanText } from '../platform/render.ts';
import type { Operator, Session } from './operator-store.ts';
import type { OperatorRole } from './permissions.ts';
import { absoluteMs, idleMs } from './session.ts';
import type { Word } from './status-words.ts';

export const roleWords: Readonly<Record<OperatorRole, string>> = {
  owner: 'Owner: everything, and lets others in',
  operator: 'Operator: acts, settles with a second person, sees secrets once',
  viewer: 'Viewer: sees, and changes nothing',
};

export interface ShownOperator {
  id: string;
  email: string;
  role: string;
  where: string;
  status: Word;
  isActive: boolean;
  hasAuthenticator: boolean;
  recoveryCodes: number;
  createdAt: number;
  signedInAt: number | null;
  href: string;
}

export function showOperator(operator: Operator, names: ReadonlyMap<string, string>, query: string): ShownOperator {
  const { id, email, role, tenantId, status, totpSecret, recoveryHashes, createdAt, signedInAt } = operator;
  const isActive = status === 'active';
  return {
    id,
    email,
    role: `${role.slice(0, 1).toUpperCase()}${role.slice(1)}`,
    where: tenantId === null ? 'All tenants' : (names.get(tenantId) ?? tenantId),
    status: isActive
      ? { word: 'Active', icon: 'f-circle-check', tone: 'ok' }
      : { word: 'Disabled', icon: 'ban', tone: 'mute' },
    isActive,
    hasAuthenticator: totpSecret !== null,
    recoveryCodes: recoveryHashes.length,
    createdAt,
    signedInAt,
    href: `/console/operators/${id}${query}`,
  };
}

export interface ShownSession {
  id: string;
  browser: string;
  ip: string;
  createdAt: number;
  seenAgo: string;
  isCurrent: boolean;
  isHalf: boolean;
}

/** Those that still let somebody in. */
export function showSessions(sessions: readonly Session[], currentId: string | null, now: number): ShownSession[] {
  return sessions
    .filter(({ createdAt, seenAt }) => now - createdAt <= absoluteMs && now - seenAt <= idleMs)
    .map(({ id, userAgent, ip, createdAt, seenAt, stage }) => ({
      id,
      browser: browserOf(userAgent),
      ip,
      createdAt,
      seenAgo: `${spanText(now - seenAt)} ago`,
      isCurrent: id === currentId,
      isHalf: stage === 'password',
    }));
}

/** `Firefox on Linux`, as far as a browser says so. */
function browserOf(userAgent: string): string {
  const browser = [
    ['Edge', /Edg\//],
    ['Firefox', /Firefox\//],
    ['Chrome', /Chrome\//],
    ['Safari', /Safari\//],
  ].find(([, pattern]) => (pattern as RegExp).test(userAgent))?.[0];
  const system = [
    ['Android', /Android/],
    ['iPhone', /iPhone|iPad/],
    ['Windows', /Windows/],
    ['macOS', /Mac OS X/],
    ['Linux', /Linux/],
  ].find(([, pattern]) => (pattern as RegExp).test(userAgent))?.[0];
  if (browser !== undefined) return `${String(browser)}${system === undefined ? '' : ` on ${String(system)}`}`;
  return userAgent === '' ? 'says nothing' : userAgent.slice(0, 40);
}

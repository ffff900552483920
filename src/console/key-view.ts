// A key as its pages show it: how it is recognised, how long it works, what it may do and when it last did.

import { spanText } from '../platform/render.ts';
import { scopes } from '../tenants/scopes.ts';
import type { ListedKey } from './key-list-store.ts';
import type { Word } from './status-words.ts';

export interface ShownKey {
  id: string;
  name: string;
  /** Enough to recognise it in a client's settings, and no secret. */
  begins: string;
  status: Word;
  isLasting: boolean;
  tenantId: string;
  tenantName: string;
  hasAllScopes: boolean;
  uses: { scope: string; lastUsedAt: number | null; ago: string }[];
  lastUsedAt: number | null;
  addresses: string[];
  expiresAt: number | null;
  revokedAt: number | null;
  createdAt: number;
  href: string;
}

const soonMs = 14 * 86_400_000;

export function showKey(key: ListedKey, names: ReadonlyMap<string, string>, query: string, now: number): ShownKey {
  const { id, name, tenantId, mode, publicId, expiresAt, revokedAt, createdAt } = key;
  const lastUses = [...key.usedAt.values()];
  return {
    id,
    name,
    begins: `lango_${mode}_${publicId}_…`,
    status: statusOf(key, now),
    isLasting: revokedAt === null && (expiresAt === null || expiresAt > now),
    tenantId,
    tenantName: names.get(tenantId) ?? tenantId,
    hasAllScopes: key.scopes.length === scopes.length,
    uses: key.scopes.map((scope) => {
      const lastUsedAt = key.usedAt.get(scope) ?? null;
      return { scope, lastUsedAt, ago: lastUsedAt === null ? 'never used' : `${spanText(now - lastUsedAt)} ago` };
    }),
    lastUsedAt: lastUses.length === 0 ? null : Math.max(...lastUses),
    addresses: [...key.allowedIps],
    expiresAt,
    revokedAt,
    createdAt,
    href: `/console/keys/${id}${query}`,
  };
}

function statusOf({ expiresAt, revokedAt }: ListedKey, now: number): Word {
  if (revokedAt !== null) return { word: 'Revoked', icon: 'ban', tone: 'mute' };
  if (expiresAt === null) return { word: 'Works', icon: 'f-circle-check', tone: 'ok' };
  if (expiresAt <= now) return { word: 'Ended', icon: 'hourglass-empty', tone: 'mute' };
  const left = `Ends in ${spanText(expiresAt - now)}`;
  return expiresAt - now < soonMs
    ? { word: left, icon: 'clock', tone: 'warn' }
    : { word: left, icon: 'f-circle-check', tone: 'ok' };
}

/** How many days a key was made for; null for ever. */
export function lifeInDays({ createdAt, expiresAt }: Pick<ListedKey, 'createdAt' | 'expiresAt'>): number | null {
  return expiresAt === null ? null : Math.max(1, Math.round((expiresAt - createdAt) / 86_400_000));
}

/** Addresses as they are typed: separated by commas, spaces or lines. */
export function readAddresses(text: string): string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== '');
}

// What an operator does with a tenant's shortcodes: add one with its Daraja credentials, look at one, pause its prompts,
// replace its credentials. Credentials are sealed before they are stored and never shown again.

import { z } from 'zod';
import type { Db } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { keyedHash, type Sealer } from '../platform/sealing.ts';
import { invalid, validateBody } from '../platform/validation.ts';
import type { Mode } from '../tenants/api-key.ts';
import { findTenant } from '../tenants/tenant-store.ts';
import {
  type Environment,
  findShortcodeAcrossTenants,
  insertShortcode,
  type Shortcode,
  setShortcodeCredentials,
  setShortcodeStatus,
} from './shortcode-store.ts';

const secretText = (name: string) =>
  z.string(`${name} is a text.`).trim().min(1, `${name} must not be empty.`).max(256, `${name} is too long.`);

/** The Daraja credentials of a shortcode, as they are given on standard input. */
export const credentialsBody = z.strictObject(
  {
    consumer_key: secretText('consumer_key'),
    consumer_secret: secretText('consumer_secret'),
    passkey: secretText('passkey'),
  },
  'Give JSON with consumer_key, consumer_secret and passkey.',
);

export type Credentials = z.output<typeof credentialsBody>;

export interface ShortcodeDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** Keys the fingerprint of a credential pair. */
  blindIndexKey: Buffer;
}

export interface NewShortcode {
  tenantId: string;
  mode: Mode;
  kind: 'paybill' | 'till';
  shortcode: string;
  till: string | null;
  environment: Environment | null;
  isDefault: boolean;
  credentials: unknown;
}

/** @throws AppError that says which value is wrong; a live shortcode belongs to production, a test one does not */
export async function addShortcode(deps: ShortcodeDeps, request: NewShortcode): Promise<{ id: string }> {
  const environment = request.environment ?? (request.mode === 'live' ? 'production' : 'simulator');
  if ((request.mode === 'live') !== (environment === 'production'))
    throw refused(
      'environment',
      'A live shortcode is one of production, a test shortcode one of the simulator or the sandbox.',
    );
  if (!/^\d{5,7}$/.test(request.shortcode))
    throw refused(
      'shortcode',
      'A shortcode has 5 to 7 digits. For a till give its store number here and the till number as --till.',
    );
  if (request.kind === 'till' && !/^\d{5,10}$/.test(request.till ?? ''))
    throw refused(
      'till',
      'A till needs its till number (--till) beside its store number (--shortcode): see daraja, Buy Goods.',
    );
  if (request.kind === 'paybill' && request.till !== null) throw refused('till', 'A paybill has no till number.');
  const credentials = readCredentials(request.credentials);
  if ((await findTenant(deps.db, request.tenantId)) === undefined)
    throw refused('tenant', 'There is no tenant with this id.');
  const id = newId('sc');
  const isInserted = await insertShortcode(deps.db, {
    id,
    tenantId: request.tenantId,
    mode: request.mode,
    environment,
    kind: request.kind,
    shortcode: request.shortcode,
    till: request.till,
    status: 'active',
    isDefault: request.isDefault,
    ...sealCredentials(deps, { id, environment }, credentials),
    lastCallbackAt: null,
    createdAt: deps.now(),
  });
  if (!isInserted)
    throw refused(
      'shortcode',
      'This number is registered already: for this tenant in this mode, or in production for another tenant.',
    );
  return { id };
}

/** The credentials of a shortcode as they rest, and the fingerprint by which people and caches know the pair. */
export function sealCredentials(
  { sealer, blindIndexKey }: Pick<ShortcodeDeps, 'sealer' | 'blindIndexKey'>,
  { id, environment }: Pick<Shortcode, 'id' | 'environment'>,
  credentials: Credentials,
): Pick<Shortcode, 'credentialsSealed' | 'credentialId'> {
  const pair = ['credentials', environment, credentials.consumer_key, credentials.consumer_secret].join(' ');
  return {
    credentialsSealed: sealer.seal(JSON.stringify(credentials), credentialsContext(id)),
    credentialId: keyedHash(blindIndexKey, pair, 16),
  };
}

/** @throws AppError that says which of the three is wrong */
export function readCredentials(given: unknown): Credentials {
  return validateBody(credentialsBody, given);
}

/** What is sent from a second later on is sent with these; what is under way ends with the old ones. */
export async function replaceCredentials(
  deps: Pick<ShortcodeDeps, 'db' | 'now'>,
  shortcodeId: string,
  sealed: Pick<Shortcode, 'credentialsSealed' | 'credentialId'>,
): Promise<void> {
  if (!(await setShortcodeCredentials(deps.db, shortcodeId, sealed, deps.now())))
    throw refused('id', 'There is no shortcode with this id.');
}

export async function getShortcode(deps: Pick<ShortcodeDeps, 'db'>, shortcodeId: string): Promise<Shortcode> {
  return (await findShortcodeAcrossTenants(deps.db, shortcodeId)) ?? fail();
}

/** Paused: its payments are held back as `queued`, never sent, until it is active again or they expire. */
export async function changeShortcodeStatus(
  deps: Pick<ShortcodeDeps, 'db' | 'now'>,
  shortcodeId: string,
  status: Shortcode['status'],
): Promise<{ id: string; status: string }> {
  if (!(await setShortcodeStatus(deps.db, shortcodeId, status, deps.now())))
    throw refused('id', 'There is no shortcode with this id.');
  return { id: shortcodeId, status };
}

/** @throws when the box does not open: the key ring is not the one it was sealed with */
export function openCredentials(sealer: Sealer, shortcode: Shortcode): Credentials {
  return JSON.parse(sealer.open(shortcode.credentialsSealed, credentialsContext(shortcode.id))) as Credentials;
}

function credentialsContext(shortcodeId: string): readonly [string, string, string] {
  return ['shortcodes', 'credentials_sealed', shortcodeId];
}

function refused(parameter: string, detail: string): AppError {
  return invalid([{ parameter, code: 'wrong_format', detail }]);
}

function fail(): never {
  throw new AppError('not_found', 'There is no such shortcode. Check its id: it begins with sc_.');
}

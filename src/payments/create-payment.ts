// Takes a request for money. The payment is durable when this returns (promise 2): one insert that carries the
// idempotency key and the guards against asking twice, sharing its commit with other requests of the moment. Only a
// request that the insert refused looks closer; everything after the insert is somebody else's work.

import { type Batcher, createBatcher } from '../platform/batcher.ts';
import { type Db, inTransaction, isDatabaseAway } from '../platform/database.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { keyedHash, type Sealer } from '../platform/sealing.ts';
import { invalid } from '../platform/validation.ts';
import type { Mode } from '../tenants/api-key.ts';
import { duplicateWindowMs, guardsOf, rivalStatuses } from './duplicate-window.ts';
import type { Payment } from './payment.ts';
import type { PaymentProvider, ShortcodeRef } from './payment-provider.ts';
import type { NewPayment } from './payment-row.ts';
import { findPaymentByIdempotencyKey, findRival, insertPayments, lockGuardHolders } from './payment-store.ts';

export interface CreateDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  blindIndexKey: Buffer;
  provider: Pick<PaymentProvider, 'listShortcodes'>;
  /** The group commit of all requests of this process; false when a unique index refused the row. */
  insert(payment: NewPayment): Promise<boolean>;
  /** Told of payments that are durable now: nudges the workers. */
  onCreated(payments: readonly Payment[]): void;
}

/** What a merchant asks for, checked and normalised. */
export interface PaymentRequest {
  amountKes: number;
  /** `254XXXXXXXXX`. */
  phone: string;
  reference: string;
  description: string;
  shortcode: string | null;
  metadata: Readonly<Record<string, string>>;
  expiresInSeconds: number;
  allowDuplicate: boolean;
  retryOf: string | null;
}

export interface CreateInput {
  tenantId: string;
  mode: Mode;
  /** In its quoted form; see payments/idempotency-key. */
  idempotencyKey: string;
  request: PaymentRequest;
}

export interface Created {
  payment: Payment;
  isReplay: boolean;
}

/** The inserts of one process, several to a commit; each commit nudges the workers once. */
export function createInsertBatcher(
  deps: Pick<CreateDeps, 'db' | 'sealer' | 'onCreated'>,
): Batcher<NewPayment, boolean> {
  return createBatcher<NewPayment, boolean>(
    async (payments) => {
      const inserted = await insertPayments(deps.db, deps.sealer, payments);
      const created = payments.map(({ payment }) => payment).filter(({ id }) => inserted.has(id));
      if (created.length > 0) deps.onCreated(created);
      return payments.map(({ payment }) => inserted.has(payment.id));
    },
    { maxSize: 64, maxInFlight: 2, failsTogether: isDatabaseAway },
  );
}

/**
 * Creates the payment, or finds the one this Idempotency-Key already made.
 * @throws AppError `invalid_request` at /shortcode, `idempotency_key_reused`, `duplicate_window`
 */
export async function createPayment(deps: CreateDeps, input: CreateInput): Promise<Created> {
  const requestHash = fingerprint(input.request, deps.blindIndexKey);
  const shortcode = await chooseShortcode(deps, input);
  if (shortcode instanceof AppError) {
    // A replay is answered even when the shortcode is gone by now.
    return (await findReplay(deps, input, requestHash)) ?? refuse(shortcode);
  }
  const made = makePayment(deps, input, shortcode, requestHash);
  if (await deps.insert(made)) return { payment: made.payment, isReplay: false };
  return (await findReplay(deps, input, requestHash)) ?? lookCloser(deps, input, made);
}

/** What this Idempotency-Key already made, or undefined. @throws AppError `idempotency_key_reused` when it was another request */
export async function findReplay(
  deps: Pick<CreateDeps, 'db' | 'sealer'>,
  input: CreateInput,
  requestHash: string,
): Promise<Created | undefined> {
  const payment = await findPaymentByIdempotencyKey(
    deps.db,
    input.tenantId,
    input.mode,
    deps.sealer,
    input.idempotencyKey,
  );
  if (payment === undefined) return undefined;
  const isSameShortcode = input.request.shortcode === null || input.request.shortcode === payment.shortcode;
  if (payment.requestHash === requestHash && isSameShortcode) return { payment, isReplay: true };
  throw new AppError(
    'idempotency_key_reused',
    'This Idempotency-Key was used for a request with other values. Use a new key for a new payment, or send the first request unchanged.',
    { existing: payment.id },
  );
}

/** The guards stand in the way of this insert: decides under their lock whether it really is the same payment again. */
async function lookCloser(deps: CreateDeps, input: CreateInput, made: NewPayment): Promise<Created> {
  const outcome = await inTransaction(deps.db, async (trx): Promise<Created | boolean> => {
    const held = await lockGuardHolders(
      trx,
      [made.guardEven, made.guardOdd].filter((guard) => guard !== null),
    );
    // Whoever was quicker with this very key has committed before the lock was given: a replay wins over the window.
    const replay = await findReplay({ ...deps, db: trx }, input, made.payment.requestHash);
    if (replay !== undefined) return replay;
    const since = made.payment.createdAt - duplicateWindowMs;
    const rival = input.request.allowDuplicate
      ? undefined
      : await findRival(trx, made.payment, made.phoneIndex, since, rivalStatuses);
    if (rival !== undefined) throw duplicate(rival, deps.now());
    // Whoever holds a guard keeps it: it is enough that somebody does, for the next one to end up here too.
    const guardEven = held.some((row) => row.guardEven === made.guardEven) ? null : made.guardEven;
    const guardOdd = held.some((row) => row.guardOdd === made.guardOdd) ? null : made.guardOdd;
    return (await insertPayments(trx, deps.sealer, [{ ...made, guardEven, guardOdd }])).size === 1;
  });
  if (typeof outcome !== 'boolean') return outcome;
  if (outcome) {
    deps.onCreated([made.payment]);
    return { payment: made.payment, isReplay: false };
  }
  // Somebody was quicker with the same key or the same details, and has committed by now.
  return (await findReplay(deps, input, made.payment.requestHash)) ?? lookCloser(deps, input, made);
}

function duplicate(rival: { id: string; createdAt: number }, now: number): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil((rival.createdAt + duplicateWindowMs - now) / 1000));
  return new AppError(
    'duplicate_window',
    `The same phone was asked for the same amount less than ${duplicateWindowMs / 1000} s ago. Follow that payment; send "allow_duplicate": true only if the customer really pays twice.`,
    {
      existing: rival.id,
      retryable: true,
      retryAfterSeconds,
    },
  );
}

async function chooseShortcode(
  deps: CreateDeps,
  { tenantId, mode, request }: CreateInput,
): Promise<ShortcodeRef | AppError> {
  const owned = await deps.provider.listShortcodes(tenantId, mode);
  const wanted =
    request.shortcode === null
      ? owned.filter(({ isDefault }) => isDefault || owned.length === 1)
      : owned.filter(({ number }) => number === request.shortcode);
  if (wanted[0] !== undefined) return wanted[0];
  const list = owned.map(({ number }) => number).join(', ');
  if (owned.length === 0)
    return invalid([
      {
        pointer: '/shortcode',
        code: 'required',
        detail: `This tenant has no shortcode in ${mode} mode. Ask the operator to add one.`,
      },
    ]);
  if (request.shortcode === null)
    return invalid([
      { pointer: '/shortcode', code: 'required', detail: `This tenant has several shortcodes (${list}); name one.` },
    ]);
  return invalid([
    {
      pointer: '/shortcode',
      code: 'wrong_format',
      detail: `This is not a shortcode of this tenant in ${mode} mode. It has ${list}.`,
    },
  ]);
}

/** A payment about to be stored, queued and due at once. */
export function makePayment(
  deps: Pick<CreateDeps, 'now' | 'blindIndexKey'>,
  { tenantId, mode, idempotencyKey, request }: CreateInput,
  shortcode: ShortcodeRef,
  requestHash: string,
): NewPayment {
  const now = deps.now();
  const payment: Payment = {
    id: newId('pay'),
    tenantId,
    mode,
    shortcodeId: shortcode.id,
    shortcode: shortcode.number,
    environment: shortcode.environment,
    status: 'queued',
    version: 1,
    flags: [],
    amountKes: request.amountKes,
    amountReceivedKes: null,
    phone: request.phone,
    reference: request.reference,
    description: request.description,
    metadata: request.metadata,
    requestHash,
    retryOf: request.retryOf,
    paymentLinkId: null,
    merchantRequestId: null,
    checkoutRequestId: null,
    mpesaReceipt: null,
    confirmedBy: null,
    failureCode: null,
    providerCode: null,
    providerMessage: null,
    reviewReason: null,
    createdAt: now,
    submittedAt: null,
    completedAt: null,
    expiresAt: now + request.expiresInSeconds * 1000,
    updatedAt: now,
    dueAt: now,
    attemptCount: 0,
    nextAttemptAt: now,
    leaseToken: null,
    leaseUntil: null,
    nextAskAt: null,
    lastAskedAt: null,
    lastAnsweredAt: null,
    firstDeniedAt: null,
  };
  return {
    payment,
    idempotencyKey,
    phoneIndex: phoneIndex(request.phone, deps.blindIndexKey),
    ...guardsOf(payment, deps.blindIndexKey),
  };
}

/** Finds a phone without opening any: a keyed hash of its `254…` form. */
export function phoneIndex(phone: string, key: Buffer): string {
  return keyedHash(key, `phone ${phone}`, 16);
}

/** The same for requests that mean the same: `07…` and `254…`, a default and its own value, any order of metadata. */
export function fingerprint(request: PaymentRequest, key: Buffer): string {
  const { amountKes, phone, reference, description, metadata, expiresInSeconds, allowDuplicate, retryOf } = request;
  const pairs = Object.entries(metadata).sort(([left], [right]) => (left < right ? -1 : 1));
  return keyedHash(
    key,
    JSON.stringify([
      'request',
      amountKes,
      phone,
      reference,
      description,
      pairs,
      expiresInSeconds,
      allowDuplicate,
      retryOf,
    ]),
  );
}

function refuse(error: AppError): never {
  throw error;
}

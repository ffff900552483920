// Asks the same customer for the same money again, as a new payment that names the old one.

import { AppError } from '../platform/errors.ts';
import { type CreateDeps, type Created, createPayment, findReplay, fingerprint } from './create-payment.ts';
import { negativeStatuses, type Payment } from './payment.ts';

interface RetryInput {
  idempotencyKey: string;
  /** Null: as long as the first one had. */
  expiresInSeconds: number | null;
}

/** @throws AppError `not_retryable` unless the payment failed, was cancelled or expired; as `createPayment` otherwise */
export async function retryPayment(
  deps: CreateDeps,
  original: Payment,
  { idempotencyKey, expiresInSeconds }: RetryInput,
): Promise<Created> {
  const input = {
    tenantId: original.tenantId,
    mode: original.mode,
    idempotencyKey,
    request: {
      amountKes: original.amountKes,
      phone: original.phone,
      reference: original.reference,
      description: original.description,
      shortcode: original.shortcode,
      metadata: original.metadata,
      expiresInSeconds: expiresInSeconds ?? Math.round((original.expiresAt - original.createdAt) / 1000),
      allowDuplicate: false,
      retryOf: original.id,
    },
  };
  if (negativeStatuses.has(original.status)) return createPayment(deps, input);
  // The retry may have been made while it was allowed: then this is its replay.
  const replay = await findReplay(deps, input, fingerprint(input.request, deps.blindIndexKey));
  if (replay !== undefined) return replay;
  throw new AppError(
    'not_retryable',
    `Only a payment that failed, was cancelled or expired can be retried; this one is ${original.status}.`,
  );
}

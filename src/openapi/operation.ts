// One operation of the API as data: what it takes, what it answers and why it may refuse. Only the shape and what many
// operations share; the operations themselves are in operations.ts and webhook-operations.ts.

import type { z } from 'zod';
import type { ProblemCode } from '../platform/errors.ts';
import type { Scope } from '../tenants/scopes.ts';
import type { AnswerName } from './answer-schemas.ts';
import type { FieldNote } from './notes.ts';

export interface Answer {
  status: number;
  description: string;
  /** The body; null for one that is not JSON, and for none. */
  schema: AnswerName | null;
  /** Of a body that is not JSON. */
  contentType?: string;
  headers?: readonly ('Location' | 'Idempotency-Replayed' | 'Preference-Applied')[];
}

export interface Operation {
  id: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As OpenAPI writes it: `/v1/payments/{id}`. */
  path: string;
  tag: 'Payments' | 'Events' | 'Webhooks' | 'Deliveries' | 'Reports' | 'Account' | 'Server' | 'Callbacks';
  summary: string;
  description: string;
  /** The scope the key needs; null for any key; `public` for no key. */
  scope: Scope | null | 'public';
  query?: z.ZodObject;
  headers?: readonly ('Idempotency-Key' | 'Prefer' | 'Last-Event-ID')[];
  body?: {
    schema: z.ZodObject;
    isRequired: boolean;
    example: object;
    /** For fields that mean something else here than in other bodies. */
    notes?: Readonly<Record<string, FieldNote>>;
  };
  answers: readonly Answer[];
  /** Beside those that every operation with a key shares (api-description.ts). */
  problems: readonly ProblemCode[];
}

/** Of every operation that reads a body, also where it must be empty. */
export const bodyProblems = [
  'invalid_request',
  'malformed_json',
  'payload_too_large',
  'unsupported_media_type',
] as const satisfies readonly ProblemCode[];

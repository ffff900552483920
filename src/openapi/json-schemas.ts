// From the zod schemas that validate to the JSON Schema of the description: bodies and queries as they are taken, answers
// as they are given.

import { z } from 'zod';
import { answerSchemas, webhookBodies } from './answer-schemas.ts';
import { bodyNotes, type FieldNote, queryNotes } from './notes.ts';
import { type WebhookType, webhookBodyName } from './webhook-answers.ts';

/** A JSON Schema as far as the description and its page look into one. */
export interface JsonSchema {
  type?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  pattern?: string;
  $ref?: string;
  [keyword: string]: unknown;
}

/** Parameters of a query. What validation takes is text; where it makes a number of it, the description says number. */
export function queryParameters(query: z.ZodObject): object[] {
  const taken = propertiesOf(query, 'input');
  const made = propertiesOf(query, 'output');
  return Object.entries(taken).map(([name, schema]) => {
    const digits = /^\^\\d\{1,(\d+)\}\$$/.exec(schema.pattern ?? '')?.[1];
    const shown =
      digits === undefined ? schema : { minimum: 0, maximum: 10 ** Number(digits) - 1, ...made[name], type: 'integer' };
    return {
      name,
      in: 'query',
      ...noteOf(queryNotes, name),
      schema: shown,
      ...(schema.type === 'array' ? { style: 'form', explode: true } : {}),
    };
  });
}

/**
 * The schema of a request body, each field with its note: the body's own where it has one.
 * @throws when a field has none
 */
export function bodyJsonSchema(schema: z.ZodObject, notes: Readonly<Record<string, FieldNote>> = {}): JsonSchema {
  const properties = Object.entries(propertiesOf(schema, 'input')).map(([name, property]) => {
    const { description, example } = noteOf({ ...bodyNotes, ...notes }, name);
    return [name, { ...property, description, ...(example === undefined ? {} : { examples: [example] }) }];
  });
  return { ...toJsonSchema(schema, 'input'), properties: Object.fromEntries(properties) };
}

function noteOf(notes: Readonly<Record<string, FieldNote>>, name: string): FieldNote {
  const note = notes[name];
  if (note === undefined) throw new Error(`the API's description has no note for ${name}; add one to openapi/notes.ts`);
  return note;
}

const propertiesOf = (schema: z.ZodType, io: 'input' | 'output'): Record<string, JsonSchema> =>
  toJsonSchema(schema, io).properties ?? {};

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return tidied(z.toJSONSchema(schema, { io, unrepresentable: 'any' }), false) as JsonSchema;
}

/** The schemas of all answers and of what webhooks carry, naming each other by reference. */
export function answerJsonSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(answerSchemas)) registry.add(schema, { id: name });
  for (const [type, schema] of Object.entries(webhookBodies))
    registry.add(schema, { id: webhookBodyName(type as WebhookType) });
  const { schemas } = z.toJSONSchema(registry, { uri: (name) => `#/components/schemas/${name}` });
  return tidied(schemas, true) as Record<string, JsonSchema>;
}

/** Without what only says how the schema was made: its dialect, its own address, and the long pattern of a date-time. */
function tidied(value: unknown, isAnswer: boolean): unknown {
  if (Array.isArray(value)) return value.map((inner) => tidied(inner, isAnswer));
  if (typeof value !== 'object' || value === null) return value;
  const isTime = 'format' in value && value.format === 'date-time';
  const isNoise = (key: string, inner: unknown): boolean =>
    key === '$schema' ||
    (key === '$id' && typeof inner === 'string') ||
    (key === 'pattern' && isTime) ||
    Math.abs(Number(inner)) === Number.MAX_SAFE_INTEGER;
  // Answers may gain fields, so no client should be generated that refuses one it does not know.
  const isClosing = (key: string, inner: unknown): boolean =>
    isAnswer && key === 'additionalProperties' && inner === false;
  const kept = Object.entries(value).filter(([key, inner]) => !isNoise(key, inner) && !isClosing(key, inner));
  return Object.fromEntries(kept.map(([key, inner]) => [key, tidied(inner, isAnswer)]));
}

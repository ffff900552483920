// The API's description as the page at /docs shows it: everything here is taken out of the OpenAPI document, so the two
// cannot differ.

import { failureCatalogue } from '../payments/failures.ts';
import { type ProblemCode, problems } from '../platform/errors.ts';
import { type ApiDescription, idOfPath, problemsOf } from './api-description.ts';
import type { JsonSchema } from './json-schemas.ts';
import {
  confirmedByNotes,
  exampleId,
  flagNotes,
  introduction,
  paymentExample,
  problemExample,
  problemNotes,
  scopeNotes,
  statusNotes,
} from './notes.ts';
import type { Operation } from './operation.ts';
import { operations } from './operations.ts';
import { webhookExample, webhookGuide } from './webhook-notes.ts';

interface FieldView {
  name: string;
  type: string;
  /** Anchor of the object it holds, or ''. */
  href: string;
  isRequired: boolean;
  note: string;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description: string;
  schema: JsonSchema;
}

const shownObjects = [
  'Payment',
  'Failure',
  'Event',
  'WebhookEndpoint',
  'Delivery',
  'Attempt',
  'Ping',
  'TransitionEntry',
  'EvidenceEntry',
  'Shortcode',
  'DailyReport',
  'Account',
  'Problem',
  'FieldError',
];

/** Everything the page needs. */
export function viewDocs(description: ApiDescription): object {
  const { schemas } = description.components;
  const tags = description.tags as { name: string; description: string }[];
  return {
    introduction: introduction.split('\n\n'),
    // The rest of a tag's description, where there is more, stands in a section of its own.
    tags: tags.map((tag) => ({
      name: tag.name,
      description: tag.description.split('\n\n')[0],
      operations: operations
        .filter((operation) => operation.tag === tag.name)
        .map((operation) => viewOperation(description, operation)),
    })),
    objects: shownObjects.map((name) => ({
      name,
      id: `object-${name}`,
      note: schemas[name]!.description ?? '',
      fields: fieldsOf(schemas[name]!),
    })),
    statuses: entriesOf(statusNotes),
    flags: entriesOf(flagNotes),
    confirmedBy: entriesOf(confirmedByNotes),
    scopes: entriesOf(scopeNotes),
    failures: Object.entries(failureCatalogue).map(([code, entry]) => ({
      code,
      category: entry.category,
      message: entry.message,
      english: entry.customerMessage.en,
      swahili: entry.customerMessage.sw,
      retry: entry.retryable
        ? entry.retryAfterSeconds === null
          ? 'may be retried'
          : `may be retried after ${entry.retryAfterSeconds} s`
        : 'not to be retried',
    })),
    problems: Object.entries(problems).map(([code, { status, title }]) => ({
      code,
      status,
      title,
      note: problemNotes[code as ProblemCode],
    })),
    webhookGuide: webhookGuide.map(({ words = [], ...part }) => ({ ...part, words })),
    webhookExample: wireOf(webhookExample),
    webhookSecret: webhookExample.secret,
    paymentExample: JSON.stringify(paymentExample, null, 2),
    problemExample: JSON.stringify(problemExample, null, 2),
  };
}

function viewOperation(description: ApiDescription, operation: Operation): object {
  const { id, method, path, summary, scope, body, answers } = operation;
  const described = description.paths[path]![method] as {
    parameters?: Parameter[];
    requestBody?: { content: { 'application/json': { schema: JsonSchema } } };
  };
  const parameters = described.parameters ?? [];
  const inside = (place: Parameter['in']): FieldView[] =>
    parameters.filter((parameter) => parameter.in === place).map(viewParameter);
  const bodySchema = described.requestBody?.content['application/json'].schema;
  const groups = [
    { title: 'In the path', fields: inside('path') },
    { title: 'Query', fields: inside('query') },
    { title: 'Headers', fields: inside('header') },
    {
      title: body?.isRequired === false ? 'Body (may be left out)' : 'Body',
      fields: bodySchema === undefined ? [] : fieldsOf(bodySchema),
    },
  ];
  return {
    id: `op-${id}`,
    method: method.toUpperCase(),
    path,
    summary,
    note: operation.description,
    access: scope === 'public' ? 'No key' : scope === null ? 'Any key' : `Scope \`${scope}\``,
    groups: groups.filter(({ fields }) => fields.length > 0),
    answers: answers.map(({ status, description: note, schema, contentType }) => ({
      status,
      note,
      schema: schema ?? contentType ?? 'No body',
      href: schema !== null && shownObjects.includes(schema) ? `#object-${schema}` : '',
    })),
    problems: problemsOf(operation).map((code) => ({ code, status: problems[code].status })),
    curl: operation.tag === 'Callbacks' ? '' : curlOf(operation),
  };
}

/** As it goes over the wire. */
function wireOf({ headers, body }: typeof webhookExample): string {
  const lines = Object.entries({ 'content-type': 'application/json', ...headers });
  return [...lines.map(([name, value]) => `${name}: ${value}`), '', body].join('\n');
}

function viewParameter({ name, schema, description, required }: Parameter): FieldView {
  return { name, isRequired: required === true, note: description, ...typeOf(schema) };
}

function fieldsOf(schema: JsonSchema): FieldView[] {
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    isRequired: schema.required?.includes(name) === true,
    note: property.description ?? '',
    ...typeOf(property),
  }));
}

/** A type in words: `whole number 1–250000`, `list of text`, `Failure or null`. */
function typeOf(schema: JsonSchema): Pick<FieldView, 'type' | 'href'> {
  const { type, href } = bareTypeOf(schema);
  return {
    type:
      schema.default === undefined || type.startsWith('object')
        ? type
        : `${type}, default ${JSON.stringify(schema.default)}`,
    href,
  };
}

function bareTypeOf(schema: JsonSchema): Pick<FieldView, 'type' | 'href'> {
  const { $ref, enum: allowed, items } = schema;
  if ($ref !== undefined) return { type: $ref.split('/').at(-1)!, href: `#object-${$ref.split('/').at(-1)}` };
  if (schema.const !== undefined) return { type: `always ${JSON.stringify(schema.const)}`, href: '' };
  if (schema.anyOf !== undefined) {
    const parts = schema.anyOf.map(bareTypeOf);
    return {
      type: parts.map(({ type }) => type).join(' or '),
      href: parts.find(({ href }) => href !== '')?.href ?? '',
    };
  }
  if (allowed !== undefined) return { type: allowed.length > 12 ? 'a code' : `one of ${allowed.join(', ')}`, href: '' };
  if (items !== undefined) {
    const inner = bareTypeOf(items);
    return { ...inner, type: `list of ${inner.type.replace(/^one of /, '')}` };
  }
  return {
    type: [schema.type]
      .flat()
      .map((type) => simpleTypeOf(type ?? '', schema))
      .join(' or '),
    href: '',
  }; // prettier-ignore
}

function simpleTypeOf(type: string, schema: JsonSchema): string {
  const { minimum, maximum, minLength, maxLength } = schema as Record<string, number | undefined>;
  if (type === 'integer')
    return `whole number${minimum === undefined ? '' : maximum === undefined ? ` from ${minimum}` : ` ${minimum}–${maximum}`}`;
  if (type === 'number') return minimum === 0 && maximum === 1 ? 'number 0–1' : 'number';
  if (type === 'boolean') return 'true or false';
  if (type === 'object')
    return schema.properties === undefined
      ? 'object of texts'
      : `object with ${Object.keys(schema.properties).join(', ')}`;
  if (type !== 'string') return type;
  if (schema.format === 'date-time') return 'time';
  return maxLength === undefined ? 'text' : `text of ${minLength ?? 0}–${maxLength} characters`;
}

function curlOf({ method, path, headers = [], body, query, scope }: Operation): string {
  const address = path.replace('{id}', exampleId.replace('pay', idOfPath(path)[0])).replace('{receipt}', 'UJ68K3W0QZ');
  const search =
    path === '/v1/payments' && query !== undefined
      ? '?status=succeeded&status=failed&limit=50'
      : path === '/v1/payments/{id}'
        ? '?wait=30'
        : path === '/v1/events'
          ? '?type=payment.succeeded'
          : path === '/v1/webhook-endpoints/{id}/deliveries'
            ? '?status=dead&status=held'
            : path === '/v1/reports/daily'
              ? '?date=2026-10-06'
              : '';
  const lines = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}"$LANGO_URL${address}${search}"`];
  if (scope !== 'public') lines.push('-H "Authorization: Bearer $LANGO_KEY"');
  if (headers.includes('Idempotency-Key'))
    lines.push(`-H "Idempotency-Key: ${path.endsWith('/retry') ? 'order-2031-again' : 'order-2031'}"`);
  if (headers.includes('Prefer')) lines.push('-H "Prefer: wait=20"');
  if (headers.includes('Last-Event-ID')) lines.push('--no-buffer');
  if (body !== undefined) lines.push('-H "Content-Type: application/json"', `-d '${JSON.stringify(body.example)}'`);
  return lines.join(' \\\n  ');
}

function entriesOf(notes: Readonly<Record<string, string>>): { name: string; note: string }[] {
  return Object.entries(notes).map(([name, note]) => ({ name, note }));
}

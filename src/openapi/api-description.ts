// Builds the OpenAPI 3.1 document out of the schemas that validate, the schemas of the answers, the list of operations
// and the catalogues. Nothing in it is written twice by hand; what it cannot know from a schema comes from the notes.

import { eventTypes } from '../events/event-store.ts';
import { failureCatalogue } from '../payments/failures.ts';
import { type ProblemCode, problems } from '../platform/errors.ts';
import { scopes } from '../tenants/scopes.ts';
import { answerJsonSchemas, bodyJsonSchema, type JsonSchema, queryParameters } from './json-schemas.ts';
import { exampleId, introduction, problemNotes, scopeNotes, statusNotes } from './notes.ts';
import type { Answer, Operation } from './operation.ts';
import { operations } from './operations.ts';
import { describeWebhooks } from './webhook-description.ts';
import { webhookGuideText } from './webhook-notes.ts';

export interface ApiDescription {
  openapi: '3.1.1';
  paths: Record<string, Record<string, object>>;
  webhooks: Record<string, object>;
  components: { schemas: Record<string, JsonSchema>; [kind: string]: object };
  [key: string]: unknown;
}

const retryable: readonly ProblemCode[] = ['rate_limited', 'unavailable'];

/** The whole document; a new object each time. */
export function buildApiDescription(): ApiDescription {
  const paths: ApiDescription['paths'] = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method] = describeOperation(operation);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Lango',
      version: '1',
      summary: 'M-PESA payments',
      description: introduction,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    externalDocs: { description: 'For people', url: '/docs' },
    servers: [{ url: '/', description: 'The gateway that serves this description' }],
    tags: [
      { name: 'Payments', description: 'Requests for money.' },
      { name: 'Events', description: 'What happened.' },
      { name: 'Webhooks', description: `Where you are told of events.\n\n${webhookGuideText}` },
      { name: 'Deliveries', description: 'Each event on its way to an endpoint of yours.' },
      { name: 'Reports', description: 'Days in numbers.' },
      { name: 'Account', description: 'Who you are here.' },
      { name: 'Server', description: 'For whoever runs the gateway.' },
      { name: 'Callbacks', description: 'Safaricom’s side.' },
    ],
    security: [{ apiKey: [] }],
    paths,
    webhooks: describeWebhooks(),
    components: {
      schemas: answerJsonSchemas(),
      headers: sharedHeaders,
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'lango_test_… or lango_live_…',
          description: `An API key; it picks tenant and mode. Its scopes: ${scopes.map((scope) => `\`${scope}\` ${scopeNotes[scope]}`).join('; ')}.`,
        },
      },
    },
    'x-problem-codes': Object.entries(problems).map(([code, { status, title }]) => ({
      code,
      status,
      title,
      what_to_do: problemNotes[code as ProblemCode],
    })),
    'x-failure-codes': Object.entries(failureCatalogue).map(([code, entry]) => ({
      code,
      category: entry.category,
      message: entry.message,
      customer_message: entry.customerMessage,
      retryable: entry.retryable,
      retry_after: entry.retryAfterSeconds,
    })),
    'x-statuses': statusNotes,
    'x-event-types': eventTypes,
  };
}

/** All reasons for which an operation may refuse, by status. */
export function problemsOf({ scope, problems: own }: Operation): ProblemCode[] {
  if (scope === 'public') return sortByStatus([...own]);
  const shared: ProblemCode[] = [
    'invalid_request',
    'unauthenticated',
    'address_refused',
    'tenant_disabled',
    'rate_limited',
    'internal',
    'unavailable',
  ];
  return sortByStatus([...own, ...shared, ...(scope === null ? [] : (['scope_missing'] as const))]);
}

function sortByStatus(codes: ProblemCode[]): ProblemCode[] {
  return [...new Set(codes)].sort((left, right) => problems[left].status - problems[right].status);
}

function describeOperation(operation: Operation): object {
  const { id, tag, summary, description, scope, body } = operation;
  const parameters = [
    ...pathParameters(operation),
    ...(operation.query === undefined ? [] : queryParameters(operation.query)),
    ...(operation.headers ?? []).map((name) => requestHeaders[name]),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: scope === 'public' || scope === null ? description : `${description}\n\nScope: \`${scope}\`.`,
    ...(scope === 'public' ? { security: [] } : { 'x-scope': scope }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.isRequired,
            content: { 'application/json': { schema: bodyJsonSchema(body.schema, body.notes), example: body.example } },
          },
        }),
    responses: describeAnswers(operation),
  };
}

function describeAnswers(operation: Operation): object {
  const responses: Record<string, object> = {};
  const always = operation.scope === 'public' ? ['Request-Id'] : ['Request-Id', 'RateLimit', 'RateLimit-Policy'];
  for (const answer of operation.answers)
    responses[answer.status] = {
      description: answer.description,
      headers: headerRefs([...always, ...(answer.headers ?? [])]),
      ...contentOf(answer),
    };
  const codes = problemsOf(operation);
  for (const status of new Set(codes.map((code) => problems[code].status))) {
    const here = codes.filter((code) => problems[code].status === status);
    responses[status] ??= {
      description: here.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
      headers: headerRefs(['Request-Id', ...(here.some((code) => retryable.includes(code)) ? ['Retry-After'] : [])]),
      content: { 'application/problem+json': { schema: refTo('Problem') } },
      'x-problem-codes': here,
    };
  }
  return responses;
}

function contentOf({ schema, contentType }: Answer): object {
  if (schema !== null) return { content: { 'application/json': { schema: refTo(schema) } } };
  return contentType === undefined ? {} : { content: { [contentType]: { schema: { type: 'string' } } } };
}

function pathParameters({ path }: Operation): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...pathNote(name, path),
  }));
}

function pathNote(name: string, path: string): object {
  if (name === 'receipt')
    return { description: 'An M-PESA receipt.', schema: { type: 'string' }, example: 'UJ68K3W0QZ' };
  if (name === 'token')
    return { description: 'Proves that the result answers our prompt.', schema: { type: 'string' } };
  const [prefix, description] = idOfPath(path);
  return {
    description,
    schema: { type: 'string', pattern: `^${prefix}_[0-9a-z]{26}$` },
    example: exampleId.replace('pay', prefix),
  };
}

/** The prefix of the id in a path, and whose it is. */
export function idOfPath(path: string): [prefix: string, description: string] {
  if (path.startsWith('/v1/events/')) return ['evt', 'The event’s id.'];
  if (path.startsWith('/v1/webhook-endpoints/')) return ['whe', 'The endpoint’s id.'];
  if (path.startsWith('/v1/deliveries/')) return ['whd', 'The delivery’s id.'];
  return ['pay', 'The payment’s id.'];
}

const refTo = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
const headerRefs = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
const header = (description: string, schema: JsonSchema, example: unknown): object => ({
  description,
  schema,
  example,
});

const sharedHeaders = {
  'Request-Id': header(
    'Names this request in our log; your own is taken if it is `[A-Za-z0-9_-]{1,64}`.',
    { type: 'string' },
    'req_5f0c1e2d3b4a59687766aabb',
  ),
  RateLimit: header(
    'What is left of the key’s rate (`r`), and seconds until it is whole again (`t`).',
    { type: 'string' },
    '"default";r=99;t=1',
  ),
  'RateLimit-Policy': header('The key’s rate: `q` requests in `w` seconds.', { type: 'string' }, '"default";q=100;w=1'),
  'Retry-After': header('Seconds to wait before the same request is sent again.', { type: 'integer' }, 1),
  Location: header(
    'Where the new payment or endpoint is.',
    { type: 'string' },
    '/v1/payments/pay_01kahq8z2pf0rs6w5v2r7r3d4e',
  ),
  'Idempotency-Replayed': header(
    '`true` when the Idempotency-Key had made this payment before.',
    { type: 'string', enum: ['true'] },
    'true',
  ),
  'Preference-Applied': header('The `Prefer` that was followed.', { type: 'string' }, 'wait=20'),
};

const requestHeaders = {
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    required: true,
    description:
      'Your own name for this payment, quoted or bare: a new one for each payment you mean, the same one when you repeat a request whose answer you did not get. Lives as long as the payment.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    example: 'order-2031',
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description: '`wait=N` holds the answer until M-PESA has taken the prompt, at most N seconds (1 to 55).',
    schema: { type: 'string' },
    example: 'wait=20',
  },
  'Last-Event-ID': {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'The version you have; browsers send it by themselves when they reconnect.',
    schema: { type: 'string' },
    example: '3',
  },
} as const;

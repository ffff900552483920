// The description against the code it describes: every route and no other, examples that validate, references and
// anchors that lead somewhere, and a page that its strict policy lets through.

import path from 'node:path';
import { expect } from 'chai';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { eventTypes } from '../../../src/events/event-store.ts';
import { answerSchemas, webhookBodies } from '../../../src/openapi/answer-schemas.ts';
import { buildApiDescription } from '../../../src/openapi/api-description.ts';
import { renderDocs } from '../../../src/openapi/api-docs-pages.ts';
import { paymentExample, problemExample } from '../../../src/openapi/notes.ts';
import { operations } from '../../../src/openapi/operations.ts';
import { eventTypeNotes, webhookExample, wordsOf } from '../../../src/openapi/webhook-notes.ts';
import { failureCatalogue } from '../../../src/payments/failures.ts';
import { statuses } from '../../../src/payments/payment.ts';
import { problems } from '../../../src/platform/errors.ts';
import { attemptErrors } from '../../../src/webhooks/attempt.ts';
import { autoDisable, scheduleMs } from '../../../src/webhooks/policy.ts';
import { readTree } from '../../support/source-tree.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** `POST /v1/payments/{id}/cancel` for each route of the API in the source. */
function routesInSource(): string[] {
  const found = [...readTree(root, ['src'])].flatMap(([file, text]) => {
    if (!file.endsWith('-routes.ts') || file.startsWith('src/simulator/')) return [];
    return [...text.matchAll(/router\.(get|post|put|patch|delete|head|all|use)\(\s*([^\s,)]+)/g)].map(
      ([, method = '', argument = '']) => {
        const named = pathOf(argument, text).replace(
          /:(\w+)/g,
          (_, name: string) => `{${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}}`,
        );
        return `${method.toUpperCase()} ${named}`;
      },
    );
  });
  return found.filter((route) => / \/(v1|callbacks|healthz|readyz|metrics)\b/.test(route));
}

/** What a route's first argument says: a text, a constant of the file, or a template that begins with one. */
function pathOf(argument: string, text: string): string {
  const constant = (name: string): string => {
    const value = new RegExp(`^const ${name} = '([^']+)';$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`the path of the route ${argument} cannot be read`);
    return value;
  };
  const quoted = /^'([^']+)'$/.exec(argument)?.[1];
  if (quoted !== undefined) return quoted;
  const template = /^`([^`]+)`$/.exec(argument)?.[1];
  return template === undefined ? constant(argument) : template.replace(/\$\{(\w+)\}/g, (_, name) => constant(name));
}

describe('the API description', () => {
  const description = buildApiDescription();

  it('has every route of the API and no other', () => {
    const described = operations.map(({ method, path: route }) => `${method.toUpperCase()} ${route}`);
    expect(described.sort()).to.deep.equal(routesInSource().sort());
    expect(described).to.include('POST /v1/payments/{id}/cancel');
    expect(described).to.include('POST /v1/webhook-endpoints/{id}/rotate-secret');
  });

  it('gives examples that the schemas take', () => {
    for (const { body } of operations)
      if (body !== undefined) expect(body.schema.safeParse(body.example).success).to.equal(true);
    expect(answerSchemas.Payment.safeParse(paymentExample).error).to.equal(undefined);
    expect(answerSchemas.Problem.safeParse(problemExample).error).to.equal(undefined);
  });

  it('shows the limits of the validation itself', () => {
    // biome-ignore lint/suspicious/noExplicitAny: the test looks into a document of every shape
    const { post, get } = description.paths['/v1/payments'] as Record<string, any>;
    const body = post.requestBody.content['application/json'].schema;
    expect(body.required).to.deep.equal(['amount', 'phone', 'reference']);
    expect(body.additionalProperties).to.equal(false);
    expect(body.properties.amount).to.include({ type: 'integer', minimum: 1, maximum: 250_000 });
    expect(body.properties.expires_in).to.include({ minimum: 60, maximum: 86_400, default: 300 });
    const limit = get.parameters.find(({ name }: { name: string }) => name === 'limit');
    expect(limit.schema).to.deep.equal({ type: 'integer', minimum: 1, maximum: 100, default: 20 });
    const status = get.parameters.find(({ name }: { name: string }) => name === 'status');
    expect(status.schema.items.enum).to.deep.equal([...statuses]);
  });

  it('lets a client take answers with fields it does not know', () => {
    expect(JSON.stringify(description.components.schemas)).not.to.contain('"additionalProperties":false');
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(description).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, target = '']) => target,
    );
    expect(references.length).to.be.greaterThan(50);
    for (const reference of references) {
      const into = (at: unknown, key: string): unknown => (at as Record<string, unknown> | undefined)?.[key];
      const target = reference.split('/').reduce(into, description);
      expect(target, reference).to.be.an('object');
    }
  });

  it('names each operation once, webhooks among them', () => {
    const ids = [...JSON.stringify(description).matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(ids).to.have.length(operations.length + eventTypes.length + 1);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('has a webhook for each type of event and for ping, with its body and its three headers', () => {
    expect(Object.keys(description.webhooks)).to.deep.equal([...eventTypes, 'ping']);
    for (const [type, { post }] of Object.entries(description.webhooks) as [string, { post: Webhook }][]) {
      expect(post.parameters.map(({ name }) => name)).to.deep.equal([
        'webhook-id',
        'webhook-timestamp',
        'webhook-signature',
      ]);
      const name = post.requestBody.content['application/json'].schema.$ref.split('/').at(-1)!;
      const schema = description.components.schemas[name]!;
      expect(schema.required).to.deep.equal(['type', 'timestamp', 'data']);
      expect(schema.properties!.type!.const).to.equal(type);
    }
  });

  it('tells apart fields of the same name that mean different things in different bodies', () => {
    // biome-ignore lint/suspicious/noExplicitAny: the test looks into a document of every shape
    const bodyOf = (route: string, method: string): any =>
      // biome-ignore lint/suspicious/noExplicitAny: the same
      (description.paths[route]![method] as any).requestBody.content['application/json'].schema.properties;
    const endpoint = bodyOf('/v1/webhook-endpoints', 'post');
    expect(endpoint.description.description).to.not.equal(bodyOf('/v1/payments', 'post').description.description);
    const replayed = bodyOf('/v1/webhook-endpoints/{id}/replay', 'post');
    expect(endpoint.types.description).to.not.equal(replayed.types.description);
    const rotated = bodyOf('/v1/webhook-endpoints/{id}/rotate-secret', 'post');
    expect(rotated.overlap_seconds).to.include({ minimum: 0, maximum: 604_800, default: 86_400 });
  });
});

interface Webhook {
  parameters: { name: string }[];
  requestBody: { content: { 'application/json': { schema: { $ref: string } } } };
}

describe('the example of a webhook', () => {
  it('verifies with both official packages at the time it says', () => {
    const { secret, headers, body } = webhookExample;
    const realNow = Date.now;
    Date.now = () => Number(headers['webhook-timestamp']) * 1000;
    try {
      for (const Verifier of [StandardWebhook, SvixWebhook])
        expect(new Verifier(secret).verify(body, headers)).to.deep.equal(JSON.parse(body));
    } finally {
      Date.now = realNow;
    }
  });

  it('carries what the description says', () => {
    const schema = webhookBodies['payment.succeeded'];
    expect(schema.safeParse(JSON.parse(webhookExample.body)).error).to.equal(undefined);
  });
});

describe('spans of time in words', () => {
  const spans: readonly [number, string][] = [
    [5000, '5 seconds'],
    [60_000, '1 minute'],
    [1_800_000, '30 minutes'],
    [50_400_000, '14 hours'],
    [86_400_000, '1 day'],
    [90_000, '90 seconds'],
    [500, '0.5 seconds'],
  ];
  for (const [ms, words] of spans)
    it(`${ms} ms are ${words}`, () => {
      expect(wordsOf(ms)).to.equal(words);
    });
});

describe('the documentation page', () => {
  const page = renderDocs('/assets/docs.css');
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id);

  it('has the place that the type of each problem names', () => {
    for (const code of Object.keys(problems)) expect(ids).to.include(code);
  });

  it('has each anchor once, and no link into nothing', () => {
    expect(new Set(ids).size).to.equal(ids.length);
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id = '']) => id);
    expect(links.filter((id) => !ids.includes(id))).to.deep.equal([]);
  });

  it('says each failure in both languages', () => {
    const plain = page.replaceAll('&#x27;', "'");
    for (const { customerMessage } of Object.values(failureCatalogue)) {
      expect(plain).to.contain(customerMessage.en);
      expect(plain).to.contain(`<dd lang="sw">${customerMessage.sw}</dd>`);
    }
  });

  it('explains webhooks by the numbers of the policy and the classes of failure themselves', () => {
    const plain = page.replaceAll('&#x27;', "'").replaceAll('&quot;', '"');
    const guide = plain.slice(plain.indexOf(' id="webhooks"'), plain.indexOf(' id="tag-Payments"'));
    const [first, ...waits] = scheduleMs;
    expect(first).to.equal(0);
    expect(guide).to.contain(`At most ${scheduleMs.length} attempts: at once, then ${waits.map(wordsOf).join(', ')}`);
    expect(guide).to.contain('75.7 hours in all');
    expect(guide).to.contain('After 429, 502, 503, 504 or a timeout');
    expect(guide).to.contain(wordsOf(autoDisable.failingForMs)).and.contain(`${autoDisable.failures} failures`);
    for (const [name, note] of Object.entries({ ...attemptErrors, ...eventTypeNotes })) {
      expect(guide, name).to.contain(`<code>${name}</code>`);
      expect(guide.replace(/<\/?code>/g, ''), name).to.contain(note.replaceAll('`', ''));
    }
    for (const word of ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'data.version'])
      expect(guide).to.contain(`<code>${word}</code>`);
  });

  it('has nothing the strict policy would refuse', () => {
    expect(page).not.to.match(/<script|<style|\sstyle=|\son\w+=|javascript:|src=|@import/);
    expect(page.match(/<link rel="stylesheet"/g)).to.have.length(1);
    expect(page).not.to.contain('[object Object]');
    expect(page).not.to.contain('undefined');
  });
});

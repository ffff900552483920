// What the schemas of webhook requests take and make of it, down to their limits. They know no database and no network;
// the rule for URLs is handed to them. How refusals are told over HTTP is in test/integration/webhooks.

import { expect } from 'chai';
import { eventTypes } from '../../../src/events/event-store.ts';
import { AppError, type FieldError } from '../../../src/platform/errors.ts';
import { validateBody, validateQuery } from '../../../src/platform/validation.ts';
import { longestReplayMs, overlap } from '../../../src/webhooks/policy.ts';
import {
  deliveryListQuery,
  emptyBody,
  endpointBody,
  endpointBodyFor,
  endpointChangeBody,
  endpointChangeBodyFor,
  replayBody,
  rotateBody,
} from '../../../src/webhooks/webhook-requests.ts';

const url = 'https://shop.example.co.ke/lango';

/** What is wrong, as `PLACE code`. */
function problemsOf(validate: () => unknown): string[] {
  try {
    validate();
    return [];
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    const told = ({ pointer, parameter, code }: FieldError): string => `${pointer ?? parameter} ${code}`;
    return (thrown.details.errors ?? []).map(told);
  }
}

describe('the body that makes an endpoint', () => {
  it('has defaults for all but the url', () => {
    expect(validateBody(endpointBody, { url })).to.deep.equal({ url, types: ['*'], description: null });
  });

  it('takes every type there is, and ping', () => {
    const types = [...eventTypes, 'ping'];
    expect(validateBody(endpointBody, { url, types }).types).to.deep.equal(types);
  });

  it('keeps each type once, and * alone', () => {
    const made = (types: string[]): string[] => validateBody(endpointBody, { url, types }).types;
    expect(made(['payment.failed', 'payment.pending', 'payment.failed'])).to.deep.equal([
      'payment.failed',
      'payment.pending',
    ]);
    expect(made(['payment.failed', '*'])).to.deep.equal(['*']);
    expect(made(['*', '*'])).to.deep.equal(['*']);
  });

  it('may be as long as it may be, and not longer', () => {
    const long = `https://x.example/${'x'.repeat(2048 - 18)}`;
    expect(long).to.have.length(2048);
    expect(validateBody(endpointBody, { url: long, description: 'x'.repeat(255) }).url).to.equal(long);
    expect(
      problemsOf(() => validateBody(endpointBody, { url: `${long}x`, description: 'x'.repeat(256) })),
    ).to.deep.equal(['/url out_of_range', '/description out_of_range']);
  });

  it('describes the endpoint in any script, on one line, as every database gives it back', () => {
    for (const description of ['', 'Duka la Wanjikũ 😀', 'العربية'])
      expect(validateBody(endpointBody, { url, description }).description).to.equal(description);
    for (const description of ['a\0b', 'a\nb', '\ud800x'])
      expect(problemsOf(() => validateBody(endpointBody, { url, description }))).to.deep.equal([
        '/description wrong_format',
      ]);
  });

  it('is judged by the rule for URLs after the spaces around it are gone', () => {
    const judged: string[] = [];
    const schema = endpointBodyFor((text) => {
      judged.push(text);
      return null;
    });
    expect(validateBody(schema, { url: ` ${url} ` })).to.deep.equal({ url, types: ['*'], description: null });
    expect(judged).to.deep.equal([url]);
  });

  it('tells what the rule for URLs says beside everything else', () => {
    const schema = endpointBodyFor(() => 'No.');
    expect(problemsOf(() => validateBody(schema, { url, types: [], colour: 'blue' }))).to.have.members([
      '/url wrong_format',
      '/types out_of_range',
      '/colour unknown_field',
    ]);
  });

  it('does not ask the rule about what is no text of the right length', () => {
    const schema = endpointBodyFor(() => expect.fail('asked'));
    expect(problemsOf(() => validateBody(schema, {}))).to.deep.equal(['/url required']);
    expect(problemsOf(() => validateBody(schema, { url: 5 }))).to.deep.equal(['/url wrong_type']);
    expect(problemsOf(() => validateBody(schema, { url: ' ' }))).to.deep.equal(['/url out_of_range']);
  });
});

describe('the body that changes an endpoint', () => {
  it('says nothing of what it does not name, so that nothing else is changed', () => {
    expect(validateBody(endpointChangeBody, {})).to.deep.equal({});
    expect(validateBody(endpointChangeBody, undefined)).to.deep.equal({});
    expect(validateBody(endpointChangeBody, { description: null })).to.deep.equal({ description: null });
  });

  it('may pause and enable, and nothing else', () => {
    for (const status of ['paused', 'enabled'])
      expect(validateBody(endpointChangeBody, { status })).to.deep.equal({ status });
    for (const status of ['disabled', 'deleted', '', null])
      expect(problemsOf(() => validateBody(endpointChangeBody, { status }))).to.deep.equal(['/status wrong_format']);
  });

  it('is judged by the rule for URLs only where it has one', () => {
    const schema = endpointChangeBodyFor(() => 'No.');
    expect(validateBody(schema, { status: 'paused' })).to.deep.equal({ status: 'paused' });
    expect(problemsOf(() => validateBody(schema, { url }))).to.deep.equal(['/url wrong_format']);
  });
});

describe('the body that rotates a secret', () => {
  it('overlaps a day when it says nothing, and between nothing and seven days when it does', () => {
    expect(validateBody(rotateBody, undefined)).to.deep.equal({ overlap_seconds: overlap.defaultSeconds });
    for (const overlap_seconds of [0, 1, overlap.mostSeconds])
      expect(validateBody(rotateBody, { overlap_seconds })).to.deep.equal({ overlap_seconds });
    for (const overlap_seconds of [-1, overlap.mostSeconds + 1])
      expect(problemsOf(() => validateBody(rotateBody, { overlap_seconds }))).to.deep.equal([
        '/overlap_seconds out_of_range',
      ]);
  });
});

describe('the body of a replay', () => {
  const since = '2026-10-01T00:00:00Z';
  const at = (ms: number): string => new Date(Date.parse(since) + ms).toISOString();
  const body = (more: object = {}): object => ({ since, until: at(1), only: 'all', ...more });

  it('becomes milliseconds, whatever the zone', () => {
    expect(validateBody(replayBody, body({ since: '2026-10-01T02:59:59.999+03:00', until: since }))).to.deep.equal({
      since: Date.parse(since) - 1,
      until: Date.parse(since),
      only: 'all',
    });
  });

  it('covers thirty days and not a millisecond more', () => {
    expect(problemsOf(() => validateBody(replayBody, body({ until: at(longestReplayMs) })))).to.deep.equal([]);
    expect(problemsOf(() => validateBody(replayBody, body({ until: at(longestReplayMs + 1) })))).to.deep.equal([
      '/since out_of_range',
    ]);
  });

  it('ends after it begins', () => {
    for (const until of [at(0), at(-1)])
      expect(problemsOf(() => validateBody(replayBody, body({ until })))).to.deep.equal(['/until wrong_format']);
  });

  it('tells of a time that cannot be read only that, not what would follow from it', () => {
    expect(problemsOf(() => validateBody(replayBody, body({ since: 'x' })))).to.deep.equal(['/since wrong_format']);
    expect(problemsOf(() => validateBody(replayBody, body({ until: 'x', only: 'x' })))).to.deep.equal([
      '/until wrong_format',
      '/only wrong_format',
    ]);
  });

  it('has no star and no ping among its types: all is what is not narrowed down', () => {
    expect(validateBody(replayBody, body({ types: ['payment.failed'] })).types).to.deep.equal(['payment.failed']);
    expect(problemsOf(() => validateBody(replayBody, body({ types: ['*', 'ping'] })))).to.deep.equal([
      '/types/0 wrong_format',
      '/types/1 wrong_format',
    ]);
  });
});

describe('a body that must be empty', () => {
  it('is none, or {}', () => {
    for (const none of [undefined, {}]) expect(validateBody(emptyBody, none)).to.deep.equal({});
    expect(problemsOf(() => validateBody(emptyBody, { a: 1 }))).to.deep.equal(['/a unknown_field']);
    for (const other of [null, [], '', 0])
      expect(problemsOf(() => validateBody(emptyBody, other))).to.deep.equal([' wrong_type']);
  });
});

describe('the query for deliveries', () => {
  const event = 'evt_01kahq8z2pf0rs6w5v2r7r3d4e';

  it('takes one status or several, and an event', () => {
    expect(validateQuery(deliveryListQuery, { status: 'dead' }).status).to.deep.equal(['dead']);
    const query = validateQuery(deliveryListQuery, { status: ['dead', 'held'], event });
    expect(query).to.deep.include({ status: ['dead', 'held'], event, limit: 20 });
  });

  it('refuses what is no status and what is no id of an event', () => {
    const wrong = [{ status: 'lost' }, { status: ['dead', 'lost'] }, { status: '' }];
    for (const query of wrong)
      expect(problemsOf(() => validateQuery(deliveryListQuery, query))).to.deep.equal(['status wrong_format']);
    for (const id of ['', 'x', event.replace('evt', 'pay'), `${event} `, `${event}\n`, event.toUpperCase()])
      expect(problemsOf(() => validateQuery(deliveryListQuery, { event: id }))).to.deep.equal(['event wrong_format']);
    expect(problemsOf(() => validateQuery(deliveryListQuery, { event: [event, event] }))).to.deep.equal([
      'event wrong_type',
    ]);
  });
});

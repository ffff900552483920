// `lango listen` (README, Webhooks): for whoever writes a receiver. Follows one tenant's events in test mode and sends
// each to a URL on this machine as a signed webhook, a line for each. It makes nothing in the database, never forwards
// live events, and prints ids and statuses only: no phone and no body.

import { setTimeout as wait } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { eventTypes } from '../src/events/event-store.ts';
import { isoTime } from '../src/platform/clock.ts';
import { isDatabaseAway } from '../src/platform/database.ts';
import {
  checkListenUrl,
  checkSecret,
  type ForwardedEvent,
  type Listening,
  listenRules,
  listenToEvents,
} from '../src/webhooks/listen-to-events.ts';
import { newSecret } from '../src/webhooks/manage-endpoints.ts';
import { longestReplayMs } from '../src/webhooks/policy.ts';
import { createWebhookSender } from '../src/webhooks/send-webhook.ts';
import { list, print, withCore } from './command-line.ts';

interface ListenOptions {
  tenant: string;
  forwardTo: string;
  secret?: string;
  types?: string[];
  since?: number;
  json?: boolean;
}

const pollEveryMs = 500;
const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function addListenCommand(program: Command): void {
  program
    .command('listen')
    .description('send a tenant’s test events to a URL of yours as signed webhooks, until Ctrl-C; for development')
    .requiredOption('--tenant <id>', 'whose events')
    .requiredOption('--forward-to <url>', 'where your receiver listens', readUrl)
    .option('--secret <whsec>', 'sign with this one; a new one is made when left out', readSecret)
    .option('--types <list>', 'comma-separated; all when left out', readTypes)
    .option('--since <time>', 'also what was recorded since then: 10m, 2h, 1d or a time in RFC 3339', readSince)
    .option('--json', 'print JSON objects, one a line')
    .action((options: ListenOptions) => listen(options));
}

function listen(options: ListenOptions): Promise<void> {
  const { tenant: tenantId, forwardTo: url, secret = newSecret(), types = null, since = null } = options;
  return withCore(async ({ db, sealer, now, config }) => {
    const sender = createWebhookSender({ now, timeoutMs: config.webhookTimeoutMs, rules: listenRules });
    const signal = listenForTheEnd();
    signal.addEventListener('abort', () => void sender.close());
    try {
      const listening = await listenToEvents(
        { db, sealer, now, sender },
        { tenantId, url, secret, types: types?.includes('*') ? null : types, since },
      );
      const { tenantName } = listening;
      print(
        options,
        { tenant: tenantId, forward_to: url, secret },
        `Test events of ${tenantName} (${tenantId}) go to ${url} until Ctrl-C.\nThey are signed with ${secret}\n`,
      );
      await forwardUntil(signal, listening, (forwarded) => printForwarded(options, forwarded));
    } finally {
      await sender.close();
    }
  });
}

async function forwardUntil(
  signal: AbortSignal,
  listening: Listening,
  show: (forwarded: ForwardedEvent) => void,
): Promise<void> {
  let isAway = false;
  while (!signal.aborted) {
    try {
      for await (const forwarded of listening.forwardNew()) {
        // What was cut by Ctrl-C says nothing about the receiver.
        if (signal.aborted) return;
        show(forwarded);
      }
      isAway = false;
    } catch (thrown) {
      if (!isDatabaseAway(thrown)) throw thrown;
      if (!isAway) process.stderr.write('The database does not answer; trying again until it does.\n');
      isAway = true;
    }
    await wait(pollEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Aborted by Ctrl-C, SIGTERM, or when nobody reads what is printed. */
function listenForTheEnd(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  process.stdout.once('error', () => controller.abort());
  return controller.signal;
}

function printForwarded(options: ListenOptions, { id, type, objectId, createdAt, exchange }: ForwardedEvent): void {
  const { statusCode, error, detail, durationMs } = exchange;
  const failure = statusCode === null ? `no answer: ${error} (${detail})` : `${statusCode} ${error}`;
  const answer = error === null ? String(statusCode) : failure;
  print(
    options,
    {
      event: id,
      type,
      object_id: objectId,
      created_at: isoTime(createdAt),
      status_code: statusCode,
      error,
      duration_ms: durationMs,
    },
    `${new Date(createdAt).toTimeString().slice(0, 8)}  ${type.padEnd(20)}  ${objectId}  ${answer}  ${durationMs} ms`,
  );
}

function readUrl(text: string): string {
  const problem = checkListenUrl(text);
  if (problem !== null) throw new InvalidArgumentError(problem);
  return text;
}

function readSecret(text: string): string {
  const problem = checkSecret(text);
  if (problem !== null) throw new InvalidArgumentError(problem);
  return text;
}

function readTypes(text: string): string[] {
  const types = list(text);
  const unknown = types.filter((type) => type !== '*' && !(eventTypes as readonly string[]).includes(type));
  if (types.length === 0 || unknown.length > 0)
    throw new InvalidArgumentError(`The types are ${eventTypes.join(', ')}.`);
  return types;
}

function readSince(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const isTime = z.iso.datetime({ offset: true }).safeParse(text).success;
  if (unit === undefined && !isTime)
    throw new InvalidArgumentError('Write 30s, 10m, 2h or 1d, or a time such as 2026-10-06T11:15:00Z.');
  const age = unit === undefined ? Date.now() - Date.parse(text) : Number(count) * unitMs[unit as keyof typeof unitMs];
  if (age < 0) throw new InvalidArgumentError('It lies in the future.');
  if (age > longestReplayMs) throw new InvalidArgumentError('It goes back 30 days at most.');
  return Date.now() - age;
}

// How operators are told, outside the console, that something needs them: one line in the log, always, and then a chat
// message (ALERT_WEBHOOK_URL) and an e-mail (SMTP_URL, ALERT_EMAIL) where those are configured. Telling never throws; a
// channel that fails is a line of its own in the log, without the secrets of its URL. What tenants wrote ends up in
// alerts, so it can begin no new line, header or chat command, and everything passes the redaction of the log.

import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { unescape as decoded } from 'node:querystring';
import { setTimeout as pause } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import { Agent } from 'undici';
import { isoTime, systemClock } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import { redact, redactText } from './redaction.ts';
import { version } from './version.ts';

export interface Alert {
  /** The event in the log, like `webhook.endpoint_disabled`. */
  name: string;
  title: string;
  /** What, for whom, since when, and what to do. */
  lines: readonly string[];
  fields: Record<string, string | number | null>;
}

export interface Alerts {
  /** Logs and sends. Never throws; ends when every channel was told or gave up, which can take half a minute. */
  tell(alert: Alert): Promise<void>;
  /** Gives up what is still being sent, at once. An alert told after this is only logged. */
  close(): Promise<void>;
}

export interface AlertSettings {
  alertWebhookUrl: string | null;
  smtpUrl: string | null;
  /** One address, or several separated by commas. */
  alertEmail: string | null;
  publicUrl: string;
  logger: Logger;
  now(): number;
}

/** How long the channels are given; a test is in more of a hurry than an operator. */
export interface AlertPatience {
  /** For one try, from waiting for a connection to the status of the answer. */
  webhookTimeoutMs: number;
  /** The waits before the second try, the third, and so on. */
  webhookRetryAfterMs: readonly number[];
  /** For each of connecting, the greeting and a silence; three times that for the whole e-mail. */
  emailTimeoutMs: number;
}

const usualPatience: AlertPatience = {
  webhookTimeoutMs: 5000,
  webhookRetryAfterMs: [1000, 5000],
  emailTimeoutMs: 10_000,
};

/** An alert as it is sent: every text on one line, and redacted. */
type Message = Alert & { at: string };

interface Channel {
  name: 'webhook' | 'email';
  /** What must not come back in the words of a failure. */
  secrets: readonly string[];
  /** Returns what went wrong, or null; may throw. */
  send(message: Message): Promise<string | null>;
  close(): Promise<void>;
}

export function createAlerts(settings: AlertSettings, patience: AlertPatience = usualPatience): Alerts {
  const { alertWebhookUrl, smtpUrl, alertEmail, logger, now } = settings;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const channels: Channel[] = [];
  if (alertWebhookUrl !== null) channels.push(createWebhookChannel(alertWebhookUrl, patience, closing.signal));
  if (smtpUrl !== null && alertEmail !== null) {
    const from = senderAddress(settings.publicUrl);
    channels.push(createEmailChannel(smtpUrl, from, alertEmail, patience.emailTimeoutMs, closing.signal));
  }
  const underWay = new Set<Promise<unknown>>();

  async function sendOver(channel: Channel, message: Message): Promise<void> {
    const problem = await channel.send(message).catch(nameOf);
    if (problem === null) return;
    const clean = channel.secrets.reduce((text, secret) => text.replaceAll(secret, '***'), problem);
    logger.error('alert.failed', { alert: message.name, channel: channel.name, detail: clean.slice(0, 300) });
  }

  return {
    async tell(alert) {
      const title = oneLine(alert.title);
      logger.warn(alert.name, { ...alert.fields, title });
      const fields = redact(alert.fields) as Alert['fields'];
      const message = { name: alert.name, title, lines: alert.lines.map(oneLine), fields, at: isoTime(now()) };
      const sending = Promise.all(channels.map((channel) => sendOver(channel, message)));
      underWay.add(sending);
      await sending;
      underWay.delete(sending);
    },
    async close() {
      closing.abort(new Error('given up, because Lango is stopping'));
      await Promise.all(underWay);
      await Promise.all(channels.map((channel) => channel.close()));
    },
  };
}

/** A POST of JSON. The address is the operator's own choice, so it may well be a private one. */
function createWebhookChannel(webhookUrl: string, patience: AlertPatience, closing: AbortSignal): Channel {
  const { webhookTimeoutMs, webhookRetryAfterMs } = patience;
  const url = new URL(webhookUrl);
  const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': `Lango/${version}` };
  const { username, password } = credentialsOf(url);
  if (username !== '' || password !== '')
    headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const agent = new Agent({ connections: 8, pipelining: 1, connect: { timeout: webhookTimeoutMs } });

  async function post(body: string): Promise<{ problem: string | null; isRetryable: boolean }> {
    const call = { origin: url.origin, path: url.pathname + url.search, method: 'POST', headers, body } as const;
    try {
      const sent = await within(webhookTimeoutMs, closing, (signal) => agent.request({ ...call, signal }));
      // The status says it all. The body may be long, or never end; it is not read.
      sent.body.on('error', () => {}).destroy();
      const isTaken = sent.statusCode >= 200 && sent.statusCode < 300;
      const problem = isTaken ? null : `the receiver answered ${sent.statusCode}`;
      return { problem, isRetryable: sent.statusCode >= 500 };
    } catch (error) {
      return { problem: nameOf(error), isRetryable: true };
    }
  }

  return {
    name: 'webhook',
    secrets: secretsOf(url),
    async send(message) {
      const body = JSON.stringify(webhookBody(message));
      let { problem, isRetryable } = await post(body);
      for (const waitMs of webhookRetryAfterMs) {
        if (problem === null || !isRetryable || closing.aborted) break;
        await pause(waitMs, undefined, { signal: closing, ref: false }).catch(() => null);
        ({ problem, isRetryable } = await post(body));
      }
      return problem;
    },
    close: () => agent.destroy(),
  };
}

/** `text` is what Slack, Mattermost and Google Chat show; the rest is for programs. */
function webhookBody({ name, title, lines, at, fields }: Message): Record<string, unknown> {
  // All three take <…> for a link, a mention or `everybody`, and tenants must not be able to write those.
  const text = [title, ...lines].join('\n').replaceAll('<', '‹').replaceAll('>', '›');
  return { text, name, title, at, fields };
}

function createEmailChannel(url: string, from: string, to: string, timeoutMs: number, closing: AbortSignal): Channel {
  let transport: ReturnType<typeof openTransport> | undefined;
  return {
    name: 'email',
    secrets: secretsOf(new URL(url)),
    async send({ title, lines, at }) {
      transport ??= openTransport(url, timeoutMs);
      const mail = {
        from: { name: 'Lango', address: from },
        to: to.split(',').map((address) => address.trim()),
        subject: `[Lango] ${title}`,
        text: `${[title, '', ...lines].join('\n')}\n\n-- \nLango, ${at}\n`,
        date: new Date(at),
        // Asks the autoresponders of those who are away to be quiet (RFC 3834).
        headers: { 'Auto-Submitted': 'auto-generated' },
      };
      const send = transport.sendMail.bind(transport);
      const sent = await within(3 * timeoutMs, closing, (signal) => send({ ...mail, signal }));
      return sent.rejected.length === 0 ? null : `the server refused ${sent.rejected.length} of the addresses`;
    },
    close: async () => transport?.close(),
  };
}

function openTransport(url: string, timeoutMs: number) {
  return createTransport({
    url,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketCloseTimeout: 1000,
    // An alert is text; nothing in it may ever be read as a file or an address to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** `lango@` the host of PUBLIC_URL, or `lango@localhost` where that is a bare address. */
function senderAddress(publicUrl: string): string {
  const { hostname } = new URL(publicUrl);
  return `lango@${isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : 'localhost'}`;
}

/**
 * Ends with the work, or with an error when the time is over or everything closes. It races, because undici notices
 * neither while it connects; it has a timer of its own, because Node 20 may collect a timer inside `AbortSignal.any`.
 */
async function within<T>(timeoutMs: number, closing: AbortSignal, work: (signal: AbortSignal) => Promise<T>) {
  if (closing.aborted) throw closing.reason;
  const controller = new AbortController();
  const stop = (): void => controller.abort(closing.reason);
  const aborted = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
  });
  const cancel = systemClock.after(timeoutMs, () => controller.abort(new Error(`not done within ${timeoutMs} ms`)));
  closing.addEventListener('abort', stop);
  try {
    return await Promise.race([aborted, work(controller.signal)]);
  } finally {
    cancel();
    closing.removeEventListener('abort', stop);
  }
}

/** One line without control characters: a tenant's name must not add a line to a message or a header to an e-mail. */
function oneLine(text: string): string {
  return redactText(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim());
}

function nameOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? `${code} ${messageOf(error)}`.trim() : messageOf(error);
}

function credentialsOf(url: URL): { username: string; password: string } {
  return { username: decoded(url.username), password: decoded(url.password) };
}

/**
 * The credentials of a URL in every form in which a server may repeat them, and its path: in a chat's webhook that is
 * the password. The longest first, so that no rest of one is left when another is a part of it.
 */
function secretsOf(url: URL): string[] {
  const { username, password } = credentialsOf(url);
  const parts = [...url.pathname.split('/'), ...url.searchParams.values()].filter((part) => part.length >= 8);
  const pairs = [`\0${username}\0${password}`, `${username}:${password}`];
  const encoded = [username, password, ...pairs].map((text) => Buffer.from(text).toString('base64'));
  const plain = [url.pathname + url.search, url.pathname, username, password, url.username, url.password];
  const all = [...parts, ...encoded, ...plain].filter((secret) => secret !== '' && secret !== '/');
  return all.sort((a, b) => b.length - a.length);
}

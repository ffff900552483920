// Telling operators: the log line that is always written, the chat message and the e-mail as a real HTTP server and a
// real mail server receive them, and what happens when one of them is slow, broken or gone. Every test also checks that
// no secret of the two URLs is in any line of the log.

import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { SMTPServerOptions } from 'smtp-server';
import { type Alert, type AlertPatience, type AlertSettings, createAlerts } from '../../../src/platform/alerts.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { startMailServer } from '../../support/smtp-server.ts';

const at = Date.parse('2026-10-06T11:38:00.000Z');
const alert: Alert = {
  name: 'webhook.endpoint_disabled',
  title: 'Endpoint of Pwani Clinic disabled',
  lines: ['Every delivery failed for 5 days.', 'Enable it again once it answers.'],
  fields: { tenant_id: 'ten_1', failures: 96, last_status: null },
};
const hurry: AlertPatience = { webhookTimeoutMs: 300, webhookRetryAfterMs: [20, 40], emailTimeoutMs: 300 };
const [user, password, path] = ['mailer', 'hunter2/ä', '/services/T0001/B0002/secretpath'];

interface Received {
  headers: http.IncomingHttpHeaders;
  url: string;
  body: string;
}

describe('alerts', () => {
  const cleaners: (() => unknown)[] = [];
  const logStream = new PassThrough();
  let logged = '';
  logStream.on('data', (chunk) => {
    logged += chunk;
  });

  beforeEach(() => {
    logged = '';
  });

  afterEach(async () => {
    for (const clean of cleaners.splice(0).reverse()) await clean();
    const encoded = Buffer.from(`\0${user}\0${password}`).toString('base64');
    for (const secret of [user, password, encodeURIComponent(password), encoded, 'secretpath', 'T0001', 'chatkey'])
      expect(logged).to.not.include(secret);
  });

  const lines = (): Record<string, unknown>[] => {
    const parsed = logged.split('\n').filter((line) => line !== '');
    return parsed.map((line) => JSON.parse(line));
  };
  const failures = () => lines().filter(({ event }) => event === 'alert.failed');

  function open(settings: Partial<AlertSettings>, patience: AlertPatience = hurry) {
    const nothing = { alertWebhookUrl: null, smtpUrl: null, alertEmail: null };
    const more = { publicUrl: 'https://pay.example.co.ke', logger: createLogger('info', logStream), now: () => at };
    const alerts = createAlerts({ ...nothing, ...more, ...settings }, patience);
    cleaners.push(() => alerts.close());
    return alerts;
  }

  /** A chat that answers each message with what `answer` does; the URL has a path that is a secret. */
  async function openChat(answer: (response: http.ServerResponse, nth: number) => void) {
    const received: Received[] = [];
    const server = http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      received.push({ headers: request.headers, url: `${request.method} ${request.url}`, body });
      answer(response, received.length);
    });
    const port = await listen(server);
    cleaners.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { received, url: `http://127.0.0.1:${port}${path}?token=chatkey-123` };
  }
  const openGoodChat = () => openChat((response) => response.end('ok'));

  /** A mail server that takes only our user, and the settings that send to it. */
  async function openMailServer(options: SMTPServerOptions = {}) {
    const server = await startMailServer(user, password, options);
    cleaners.push(() => server.close());
    return {
      mails: server.mails,
      settings: { smtpUrl: server.url, alertEmail: 'ops@example.co.ke, night@example.co.ke' },
    };
  }

  /** A port that takes connections and never says a word. */
  async function openSilence(): Promise<number> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    const port = await listen(server);
    cleaners.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return port;
  }

  describe('in the log', () => {
    it('are one wide line, with nothing configured too', async () => {
      await open({}).tell(alert);
      expect(lines()).to.have.length(1);
      expect(lines()[0]).to.deep.include({
        level: 'warn',
        event: 'webhook.endpoint_disabled',
        title: 'Endpoint of Pwani Clinic disabled',
        tenant_id: 'ten_1',
        failures: 96,
        last_status: null,
      });
    });

    it('are still written after close, which sends nothing any more', async () => {
      const chat = await openGoodChat();
      const alerts = open({ alertWebhookUrl: chat.url });
      await alerts.close();
      await alerts.tell(alert);
      expect(lines().map(({ event }) => event)).to.deep.equal([alert.name, 'alert.failed']);
      expect(chat.received).to.have.length(0);
    });
  });

  describe('to a chat', () => {
    it('are one POST of JSON: the text, and the same for programs', async () => {
      const chat = await openGoodChat();
      await open({ alertWebhookUrl: chat.url }).tell(alert);
      expect(chat.received).to.have.length(1);
      const { url, headers, body } = chat.received[0]!;
      expect(url).to.equal(`POST ${path}?token=chatkey-123`);
      expect(headers).to.include({ 'content-type': 'application/json' });
      expect(JSON.parse(body)).to.deep.equal({
        text: [alert.title, ...alert.lines].join('\n'),
        name: alert.name,
        title: alert.title,
        at: '2026-10-06T11:38:00.000Z',
        fields: alert.fields,
      });
      expect(failures()).to.have.length(0);
    });

    it('carry the credentials of the URL as Basic authentication', async () => {
      const chat = await openGoodChat();
      const credentials = `${user}:${encodeURIComponent(password)}@`;
      await open({ alertWebhookUrl: chat.url.replace('//', `//${credentials}`) }).tell(alert);
      const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      expect(chat.received[0]!.headers.authorization).to.equal(expected);
    });

    it('let a tenant write neither a line nor a link or a call to everybody, and show no phone', async () => {
      const chat = await openGoodChat();
      const name = 'Clinic\r\n<!channel> <https://evil.example|Log in>\u2028again';
      const fields = { payer: '254712345678' };
      const lines = ['Payer 0712345678 \n waits'];
      await open({ alertWebhookUrl: chat.url }).tell({ ...alert, title: name, lines, fields });
      const body = JSON.parse(chat.received[0]!.body);
      expect(body.text).to.equal('Clinic ‹!channel› ‹https://evil.example|Log in› again\nPayer 2547*****678   waits');
      expect(body.fields).to.deep.equal({ payer: '2547*****678' });
    });

    it('are tried three times on a 5xx, and arrive when the third is taken', async () => {
      const chat = await openChat((response, nth) => response.writeHead(nth < 3 ? 503 : 200).end());
      await open({ alertWebhookUrl: chat.url }).tell(alert);
      expect(chat.received).to.have.length(3);
      expect(failures()).to.have.length(0);
    });

    it('are given up after the third 5xx', async () => {
      const chat = await openChat((response) => response.writeHead(500).end('secretpath is broken'));
      await open({ alertWebhookUrl: chat.url }).tell(alert);
      expect(chat.received).to.have.length(3);
      expect(failures()).to.have.length(1);
      expect(failures()[0]).to.include({ alert: alert.name, channel: 'webhook', detail: 'the receiver answered 500' });
    });

    for (const status of [302, 404])
      it(`are sent once when the receiver answers ${status}, and a redirect is not followed`, async () => {
        const elsewhere = await openGoodChat();
        const chat = await openChat((response) => response.writeHead(status, { location: elsewhere.url }).end());
        await open({ alertWebhookUrl: chat.url }).tell(alert);
        expect([chat.received.length, elsewhere.received.length]).to.deep.equal([1, 0]);
        expect(failures()[0]).to.include({ detail: `the receiver answered ${status}` });
      });

    it('are given up when the receiver hangs, after the time for three tries', async () => {
      const url = `http://127.0.0.1:${await openSilence()}${path}`;
      const startedAt = Date.now();
      await open({ alertWebhookUrl: url }).tell(alert);
      expect(Date.now() - startedAt).to.be.within(900, 3000);
      expect(failures()).to.have.length(1);
      expect(failures()[0]).to.include({ channel: 'webhook', detail: 'not done within 300 ms' });
    });

    it('are told by the status alone: an answer without an end neither holds them up nor fails them', async () => {
      const chat = await openChat((response) => {
        const more = setInterval(() => response.write('x'.repeat(10_000)), 5);
        response.writeHead(200).on('close', () => clearInterval(more));
      });
      await open({ alertWebhookUrl: chat.url }).tell(alert);
      expect(chat.received).to.have.length(1);
      expect(failures()).to.have.length(0);
    });

    it('are given up when nobody listens, or there is no such host', async () => {
      const port = await freePort();
      for (const origin of [`http://127.0.0.1:${port}`, 'http://nowhere.invalid', `https://127.0.0.1:${port}`])
        await open({ alertWebhookUrl: origin + path }).tell(alert);
      expect(failures()).to.have.length(3);
      expect(failures()[0]!.detail).to.include('ECONNREFUSED');
    });
  });

  describe('by e-mail', () => {
    it('are plain text to every address, from the host of PUBLIC_URL', async () => {
      const server = await openMailServer();
      await open(server.settings).tell(alert);
      expect(failures()).to.deep.equal([]);
      expect(server.mails).to.have.length(1);
      const { from, to, raw } = server.mails[0]!;
      expect(from).to.equal('lango@pay.example.co.ke');
      expect(to).to.deep.equal(['ops@example.co.ke', 'night@example.co.ke']);
      const { headers, body } = split(raw);
      expect(headers).to.include({
        from: 'Lango <lango@pay.example.co.ke>',
        to: 'ops@example.co.ke, night@example.co.ke',
        subject: '[Lango] Endpoint of Pwani Clinic disabled',
        date: 'Tue, 06 Oct 2026 11:38:00 +0000',
        'auto-submitted': 'auto-generated',
      });
      expect(headers['content-type']).to.match(/^text\/plain\b/);
      expect(body).to.match(
        /^Endpoint of Pwani Clinic disabled\r\n\r\nEvery delivery failed for 5 days\.\r\nEnable it/,
      );
    });

    for (const host of ['127.0.0.1:8080', '[::1]:8080', 'localhost:8080'])
      it(`come from lango@localhost when PUBLIC_URL is at ${host}`, async () => {
        const server = await openMailServer();
        await open({ ...server.settings, publicUrl: `http://${host}` }).tell(alert);
        expect(server.mails[0]!.from).to.equal('lango@localhost');
      });

    for (const newLine of ['\r\n', '\n', '\r', '\u2028', '\u0085', '\0'])
      it(`get no header from a title with ${JSON.stringify(newLine)}, and no second message`, async () => {
        const server = await openMailServer();
        const title = `Clinic${newLine}Bcc: evil@example.com${newLine}${newLine}.${newLine}MAIL FROM:<evil@example.com>`;
        await open(server.settings).tell({ ...alert, title, lines: [`one${newLine}.${newLine}two`] });
        expect(server.mails).to.have.length(1);
        const { headers, body } = split(server.mails[0]!.raw);
        expect(headers).to.not.have.property('bcc');
        expect(headers.subject).to.equal('[Lango] Clinic Bcc: evil@example.com . MAIL FROM:<evil@example.com>');
        expect(server.mails[0]!.to).to.not.include('evil@example.com');
        expect(body).to.include('one . two');
      });

    it('are logged when the server refuses our credentials, even if it repeats them', async () => {
      const server = await openMailServer();
      const smtpUrl = server.settings.smtpUrl.replace(encodeURIComponent(password), 'wrongword');
      await open({ ...server.settings, smtpUrl }).tell(alert);
      expect(failures()).to.have.length(1);
      expect(failures()[0]).to.include({ alert: alert.name, channel: 'email' });
      expect(failures()[0]!.detail).to.match(/EAUTH.*535.*no such user \*\*\* with \*\*\*/);
      expect(logged).to.not.include('wrongword');
    });

    it('are logged when only some addresses are refused', async () => {
      const server = await openMailServer({
        onRcptTo: ({ address }, _session, callback) =>
          callback(address.startsWith('night') ? new Error('unknown') : null),
      });
      await open(server.settings).tell(alert);
      expect(server.mails[0]!.to).to.deep.equal(['ops@example.co.ke']);
      expect(failures()[0]!.detail).to.equal('the server refused 1 of the addresses');
    });

    it('are given up when the server says nothing, or is not there', async () => {
      for (const port of [await openSilence(), await freePort()]) {
        const smtpUrl = `smtp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
        await open({ smtpUrl, alertEmail: 'ops@example.co.ke' }).tell(alert);
      }
      expect(failures()).to.have.length(2);
      expect(failures()[0]!.detail).to.include('ETIMEDOUT');
      expect(failures()[1]!.detail).to.include('ECONNREFUSED');
    });
  });

  describe('over both', () => {
    it('reach the mailbox when the chat is broken', async () => {
      const server = await openMailServer();
      const alertWebhookUrl = `http://127.0.0.1:${await freePort()}${path}`;
      await open({ ...server.settings, alertWebhookUrl }).tell(alert);
      expect(server.mails).to.have.length(1);
      expect(failures().map(({ channel }) => channel)).to.deep.equal(['webhook']);
    });

    it('reach the chat when the mail server is broken', async () => {
      const chat = await openGoodChat();
      const smtpUrl = `smtp://${user}:${encodeURIComponent(password)}@127.0.0.1:${await freePort()}`;
      await open({ alertWebhookUrl: chat.url, smtpUrl, alertEmail: 'ops@example.co.ke' }).tell(alert);
      expect(chat.received).to.have.length(1);
      expect(failures().map(({ channel }) => channel)).to.deep.equal(['email']);
    });

    it('are all sent when many come at once', async () => {
      const [chat, server] = [await openGoodChat(), await openMailServer()];
      const patient = { ...hurry, webhookTimeoutMs: 5000, emailTimeoutMs: 5000 };
      const alerts = open({ ...server.settings, alertWebhookUrl: chat.url }, patient);
      await Promise.all(Array.from({ length: 30 }, () => alerts.tell(alert)));
      expect([chat.received.length, server.mails.length]).to.deep.equal([30, 30]);
      expect(failures()).to.have.length(0);
    });
  });

  describe('at close', () => {
    const patient: AlertPatience = { webhookTimeoutMs: 60_000, webhookRetryAfterMs: [60_000], emailTimeoutMs: 60_000 };
    const givenUp = 'given up, because Lango is stopping';

    it('are given up at once where the other side hangs, and say so in the log', async () => {
      const port = await openSilence();
      const smtpUrl = `smtp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
      const alertWebhookUrl = `http://127.0.0.1:${port}${path}`;
      const alerts = open({ alertWebhookUrl, smtpUrl, alertEmail: 'ops@example.co.ke' }, patient);
      const told = alerts.tell(alert);
      await pause(50);
      const startedAt = Date.now();
      await alerts.close();
      await told;
      expect(Date.now() - startedAt).to.be.lessThan(500);
      expect(failures().map(({ detail }) => detail)).to.deep.equal([givenUp, givenUp]);
    });

    it('are given up while they wait for the next try', async () => {
      const chat = await openChat((response) => response.writeHead(503).end());
      const alerts = open({ alertWebhookUrl: chat.url }, patient);
      const told = alerts.tell(alert);
      while (chat.received.length === 0) await pause(5);
      await pause(50);
      const startedAt = Date.now();
      await alerts.close();
      await told;
      expect(Date.now() - startedAt).to.be.lessThan(500);
      expect(failures()).to.have.length(1);
      expect(chat.received).to.have.length(1);
    });
  });
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

/** A port at which nobody listens any more. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The headers by their names in lower case, unfolded, and the body of a message as it arrived. */
function split(raw: string): { headers: Record<string, string>; body: string } {
  const end = raw.indexOf('\r\n\r\n');
  const unfolded = raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const pairs = unfolded.split('\r\n').map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { headers: Object.fromEntries(pairs), body: raw.slice(end + 4) };
}

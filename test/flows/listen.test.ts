// `lango listen` beside a real server, as a developer uses it: a payment is made on the simulator and its webhooks arrive
// at a receiver, signed and byte for byte what a delivery would carry. What it must never do is here too: forward live
// events or another tenant's, print a phone, try again, or leave an endpoint behind.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command, CommanderError } from 'commander';
import { addListenCommand } from '../../scripts/listen.ts';
import { type Core, composeCore } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { readBodiesAcrossTenants, recordEvents } from '../../src/events/event-store.ts';
import { addShortcode } from '../../src/mpesa/manage-shortcodes.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { newId } from '../../src/platform/ids.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { createKey, createTenant } from '../../src/tenants/manage-tenants.ts';
import { sandboxPasskey } from '../support/build-gateway.ts';
import { eventually, freePort } from '../support/gateway-process.ts';
import { freshDatabase, type LangoRun, lango, startLango } from '../support/lango-command.ts';
import { type Answer, answers, startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const breakingOff: Answer = (_request, response) => {
  response.writeHead(200, { 'content-length': 9 }).write('x', () => response.destroy());
};

describe('lango listen', function () {
  // Each test starts one process or several, which takes seconds where the machine is busy.
  this.timeout(60_000);
  const simulator = createSimulator({ clock: systemClock, logger: silentLogger, nodeEnv: 'test' });
  const running: LangoRun[] = [];
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  let env: Record<string, string>;
  let core: Core;
  let url: string;
  let tenantId: string;
  let key: string;
  let receiver: WebhookReceiver;

  before(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'lango-listen-'));
    database = await freshDatabase(folder);
    const { url: simulatorUrl } = await simulator.listen(0);
    env = {
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      AUTO_MIGRATE: 'true',
      DARAJA_SIMULATOR_URL: simulatorUrl,
      LOG_LEVEL: 'error',
    };
    core = await composeCore(readConfig(env), { logger: silentLogger });
    tenantId = (await createTenant(core, 'Duka')).id;
    await addShortcode(
      { ...core, blindIndexKey: core.dataKeys.blindIndex },
      {
        tenantId,
        mode: 'test',
        kind: 'paybill',
        shortcode: '174379',
        till: null,
        environment: 'simulator',
        isDefault: true,
        credentials: { consumer_key: 'any', consumer_secret: 'any', passkey: sandboxPasskey },
      },
    );
    const details = { name: 'app', scopes: [], allowedIps: [], expiresInDays: null };
    const deps = { ...core, apiKeyPepper: core.dataKeys.apiKeys };
    key = (await createKey(deps, { tenantId, mode: 'test', ...details })).key;
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const server = startLango(['serve', '--port', String(port)], env);
    running.push(server);
    const isUp = async () => {
      if (server.exit() !== undefined) throw new Error(server.errors());
      return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ? true : undefined;
    };
    await eventually('a server', isUp, 15_000);
  });
  after(async () => {
    await Promise.all(running.map((run) => run.end('SIGKILL')));
    await simulator.close();
    await core.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const call = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });

  /** Makes a payment that its customer pays at once. */
  async function pay(reference: string, phone: string): Promise<{ id: string }> {
    simulator.control.setOutcome({ phone, code: '0' });
    const response = await call('/v1/payments', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': reference },
      body: JSON.stringify({ amount: 100, phone, reference }),
    });
    expect(response.status).to.equal(201);
    return (await response.json()) as { id: string };
  }

  /** Records an event as another process would. */
  async function record(details: { tenantId?: string; mode?: string; type?: 'payment.updated' | 'ping'; at?: number }) {
    const { at = core.now(), mode = 'test', type = 'payment.updated' } = details;
    const objectId = newId('pay');
    const event = { tenantId: details.tenantId ?? tenantId, mode, type, objectId, version: 1, data: { id: objectId } };
    return (await recordEvents(core.db, core.sealer, [event], at))[0]!;
  }

  async function listen(...args: string[]): Promise<LangoRun> {
    const run = startLango(['listen', '--tenant', tenantId, '--forward-to', `${receiver.url}/hook`, ...args], env);
    running.push(run);
    const isListening = (): true | undefined => {
      if (run.exit() !== undefined) throw new Error(run.errors());
      return run.output().includes('whsec_') ? true : undefined;
    };
    await eventually('the first line', isListening, 15_000);
    return run;
  }

  const received = (count: number) =>
    eventually(`${count} webhooks`, () => (receiver.requests.length >= count ? true : undefined));
  const idsAtReceiver = () => receiver.requests.map(({ headers }) => headers['webhook-id']);

  it('forwards what happens to a payment, signed, in the bytes of a delivery, and leaves nothing behind', async () => {
    const phone = '254712000301';
    const before = await record({});
    const run = await listen();
    const secret = /whsec_\S+/.exec(run.output())![0];
    const { id } = await pay('LISTEN-1', phone);
    await received(2);
    const heard = receiver.verified(secret) as { type: string; data: { id: string; phone: string } }[];
    expect(heard.map(({ type, data }) => [type, data.id])).to.deep.equal([
      ['payment.pending', id],
      ['payment.succeeded', id],
    ]);
    const ids = idsAtReceiver() as string[];
    expect(ids).not.to.include(before);
    const bodies = await readBodiesAcrossTenants(core.db, core.sealer, ids);
    expect(receiver.requests.map(({ body }) => body)).to.deep.equal(ids.map((eventId) => bodies.get(eventId)));
    expect(receiver.requests[0]).to.deep.include({ method: 'POST', path: '/hook' });
    expect(receiver.requests[0]!.headers['content-type']).to.equal('application/json');
    await eventually('a line for each', () => (run.output().trim().split('\n').length >= 5 ? true : undefined));
    const lines = run.output().trim().split('\n').slice(-2);
    expect(lines[0]).to.match(new RegExp(`^\\d\\d:\\d\\d:\\d\\d  payment.pending +${id}  204  \\d+ ms$`));
    expect(lines[1]).to.match(new RegExp(`^\\d\\d:\\d\\d:\\d\\d  payment.succeeded +${id}  204  \\d+ ms$`));
    expect(run.output() + run.errors()).not.to.include(phone.slice(-6));
    const endpoints = (await (await call('/v1/webhook-endpoints')).json()) as { data: unknown[] };
    expect(endpoints.data).to.deep.equal([]);
    expect(await run.end('SIGINT')).to.equal(0);
    expect(run.errors()).to.equal('');
  });

  it('forwards what commits late, and never live events, another tenant’s, or pings', async () => {
    const other = (await createTenant(core, 'Other')).id;
    const run = await listen();
    const first = await record({});
    await received(1);
    await record({ mode: 'live' });
    await record({ tenantId: other });
    await record({ type: 'ping' });
    const late = await record({ at: core.now() - 8000 });
    const last = await record({});
    await received(3);
    // Another two looks: nothing comes again.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(idsAtReceiver()).to.have.members([first, late, last]);
    expect(await run.end('SIGTERM')).to.equal(0);
  });

  it('prints one JSON object a line with --json, takes types and a secret, and never tries again', async () => {
    receiver.answerWith(
      answers.inTurn(answers.status(500), answers.status(302, { location: '/' }), breakingOff, answers.status(200)),
    );
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const run = await listen('--json', '--secret', secret, '--types', 'payment.succeeded,payment.updated');
    const { id } = await pay('LISTEN-2', '254712000302');
    await received(1);
    for (let made = 1; made < 4; made++) {
      await record({});
      await received(made + 1);
    }
    const objects = await eventually('five lines', () => {
      const lines = run.output().trim().split('\n');
      return lines.length === 5 ? lines.map((line) => JSON.parse(line)) : undefined;
    });
    expect(objects[0]).to.deep.equal({ tenant: tenantId, forward_to: `${receiver.url}/hook`, secret });
    expect(objects.slice(1).map(({ type, status_code, error }) => [type, status_code, error])).to.deep.equal([
      ['payment.succeeded', 500, 'server_error'],
      ['payment.updated', 302, 'redirect'],
      ['payment.updated', 200, 'connection_lost'],
      ['payment.updated', 200, null],
    ]);
    expect(objects[1]).to.include({ object_id: id, event: idsAtReceiver()[0] });
    receiver.verified(secret);
    expect(receiver.requests).to.have.length(4);
    expect(await run.end('SIGINT')).to.equal(0);
  });

  it('begins earlier with --since', async () => {
    const [old, young] = [await record({ at: core.now() - 3_600_000 }), await record({ at: core.now() - 600_000 })];
    await listen('--since', '15m');
    await eventually('the younger one', () => (idsAtReceiver().includes(young) ? true : undefined));
    expect(idsAtReceiver()).not.to.include(old);
  });

  it('exits with 1 for a tenant that is not there, and with 2 for wrong usage', async () => {
    const [missing, wrong] = await Promise.all([
      lango(['listen', '--tenant', 'ten_none', '--forward-to', receiver.url], env),
      lango(['listen', '--tenant', tenantId, '--forward-to', 'ftp://127.0.0.1/'], env),
    ]);
    expect([missing.status, missing.output, missing.errors]).to.deep.equal([
      1,
      '',
      'There is no tenant with this id.\n',
    ]);
    expect([wrong.status, wrong.output]).to.deep.equal([2, '']);
    expect(wrong.errors).to.match(/not an absolute http or https URL/);
  });

  it('takes no secret, type or time that cannot be meant', async () => {
    const there = ['listen', '--tenant', tenantId, '--forward-to', 'http://127.0.0.1:1/'];
    const wrong = [
      ['listen', '--tenant', tenantId, '--forward-to', 'http://user:word@127.0.0.1/'],
      [...there, '--secret', 'whsec_short'],
      [...there, '--secret', Buffer.alloc(32).toString('base64')],
      [...there, '--types', 'payment.paid'],
      [...there, '--types', ''],
      [...there, '--since', 'yesterday'],
      [...there, '--since', '31d'],
      [...there, '--since', '2999-01-01T00:00:00Z'],
    ];
    for (const args of wrong) {
      const program = new Command().exitOverride();
      addListenCommand(program);
      for (const command of program.commands) command.configureOutput({ writeErr: () => {} });
      const thrown = await program.parseAsync(args, { from: 'user' }).catch((error: unknown) => error);
      expect(thrown, args.join(' ')).to.be.instanceOf(CommanderError);
    }
  });
});

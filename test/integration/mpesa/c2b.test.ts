// The C2B address of a shortcode, through HTTP: whoever knows it is heard, once for each receipt, whatever the body's
// form; what is no line of the shortcode is kept in sight; and nobody else learns that there is such an address.

import { request as openRequest } from 'node:http';
import { expect } from 'chai';
import { type Logger, silentLogger } from '../../../src/platform/logger.ts';
import { listStrays } from '../../../src/reconciliation/stray-store.ts';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import {
  c2bPath,
  confirm,
  confirmationBody,
  feedRow,
  freshNumber,
  freshReceipt,
  linesOf,
} from '../../support/feeds.ts';

const accepted = { ResultCode: '0', ResultDesc: 'Accepted' };

describe('C2B confirmations and validations', () => {
  let app: TestGateway;
  let tenant: TestTenant;
  let number: string;
  const logged: string[] = [];
  const keep = (event: string, fields?: object): void => void logged.push(`${event} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, info: keep, warn: keep, error: keep };

  before(async () => {
    app = await buildGateway({ logger });
  });
  beforeEach(async () => {
    logged.length = 0;
    number = freshNumber();
    tenant = await app.addTenant({ shortcode: number });
  });
  after(() => app.close());

  const body = (changes: Record<string, unknown> = {}) =>
    confirmationBody(app, { BusinessShortCode: number, ...changes });
  const strays = () =>
    listStrays(app.gateway.core.db, app.gateway.core.sealer, { tenantId: tenant.id, mode: 'test' }, 10);
  const discrepancies = () => app.gateway.core.db('discrepancies').where({ tenant_id: tenant.id });

  async function metric(name: string): Promise<number> {
    const text = (await app.call('/metrics')).text;
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1) ?? 0,
    );
  }

  it('keeps a confirmation as a line before it answers, with all it tells', async () => {
    const sent = body({ TransID: 'uj68k3w0qz', TransTime: '20261006141552', BillRefNumber: ' INV-1042 ' });
    const answer = await confirm(app, tenant.shortcodeId, sent);
    expect([answer.status, answer.body]).to.deep.equal([200, accepted]);
    const [line] = await linesOf(app, tenant);
    expect(line).to.include({
      tenantId: tenant.id,
      shortcode: number,
      source: 'c2b',
      kind: 'payment',
      receipt: 'UJ68K3W0QZ',
      amountCents: 10_000,
      balanceCents: 4_919_700,
      account: 'INV-1042',
      phone: '2547 ***** 126',
      payerName: 'JANE',
      day: '2026-10-06',
      raw: JSON.stringify(sent),
    });
    expect(line!.completedAt).to.equal(Date.UTC(2026, 9, 6, 11, 15, 52));
  });

  it('hears it whatever its content type says, in numbers, and with the payer in any form', async () => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/json;charset=UTF-8', ''];
    for (const type of types)
      expect((await confirm(app, tenant.shortcodeId, body(), { 'Content-Type': type })).status).to.equal(200);
    const numbers = { TransAmount: 100, BusinessShortCode: Number(number), MSISDN: 254712345678 };
    for (const changes of [numbers, { MSISDN: 'a'.repeat(64) }, { MSISDN: '25470****149' }, { MSISDN: undefined }])
      expect((await confirm(app, tenant.shortcodeId, body(changes))).body).to.deep.equal(accepted);
    expect(await linesOf(app, tenant)).to.have.length(types.length + 4);
    expect(await strays()).to.deep.equal([]);
  });

  it('keeps one line of a confirmation that comes 20 times at once and again later', async () => {
    const sent = body();
    const answers = await Promise.all(Array.from({ length: 20 }, () => confirm(app, tenant.shortcodeId, sent)));
    answers.push(await confirm(app, tenant.shortcodeId, { ...sent, TransAmount: '999.00' }));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    const lines = await linesOf(app, tenant);
    expect(lines.map(({ amountCents }) => amountCents)).to.deep.equal([10_000]);
  });

  it('answers a wrong token as any unknown address, counts it, and keeps nothing', async () => {
    const before = await metric('lango_callback_forged_tokens_total');
    const path = c2bPath(app, tenant.shortcodeId);
    const other = await app.addTenant({ shortcode: freshNumber() });
    const forgeries = [
      `${path.slice(0, -1)}/confirmation`,
      `${path}A/confirmation`,
      `${path}A/validation`,
      `${path.replace(tenant.shortcodeId, other.shortcodeId)}/confirmation`,
      `/callbacks/c2b/${tenant.shortcodeId}/confirmation`,
      '/callbacks/c2b/none/validation',
    ];
    const unknown = await app.call('/callbacks/none', { method: 'POST', key: '', body: '{}' });
    for (const forged of forgeries) {
      const answer = await app.call(forged, { method: 'POST', key: '', body: body() });
      expect(answer.status).to.equal(404);
      expect({ ...answer.body, request_id: '' }).to.deep.equal({ ...unknown.body, request_id: '' });
    }
    expect((await metric('lango_callback_forged_tokens_total')) - before).to.equal(forgeries.length);
    for (const one of [tenant, other]) expect(await linesOf(app, one)).to.deep.equal([]);
  });

  it('acknowledges what it cannot read, keeps it in sight once, and writes nobody’s number down in the clear', async () => {
    const secret = '254712345678';
    const unreadable = ['', '[]', `{"TransID":"UJ68K3W0QZ","MSISDN":"${secret}"`, JSON.stringify({ MSISDN: secret })];
    for (const raw of [...unreadable, ...unreadable]) {
      const answer = await confirm(app, tenant.shortcodeId, raw);
      expect([answer.status, answer.body]).to.deep.equal([200, accepted]);
    }
    expect(await linesOf(app, tenant)).to.deep.equal([]);
    const kept = await strays();
    expect(kept.map(({ raw }) => raw).sort()).to.deep.equal([...unreadable].sort());
    expect(new Set(kept.map(({ reason }) => reason))).to.deep.equal(new Set(['unreadable']));
    expect(await discrepancies()).to.deep.equal([]);
    expect(logged.filter((line) => line.startsWith('c2b.stray'))).to.have.length(2 * unreadable.length);
    expect(logged.join('\n')).not.to.match(/712345678|UJ68K3W0QZ/);
    expect(await metric('lango_c2b_confirmation_seconds_count{result="stray"}')).to.equal(2 * unreadable.length);
    const stored = JSON.stringify(await app.gateway.core.db('stray_confirmations').where({ tenant_id: tenant.id }));
    expect(stored).not.to.include('712345678');
  });

  it('makes no line of a confirmation for another shortcode, but a discrepancy, however often it comes', async () => {
    const sent = body({ BusinessShortCode: '999999', TransID: 'UJ6OTHER01', TransAmount: '1500.00' });
    for (const again of [sent, sent, { ...sent, FirstName: 'JOHN' }])
      expect((await confirm(app, tenant.shortcodeId, again)).body).to.deep.equal(accepted);
    expect(await linesOf(app, tenant)).to.deep.equal([]);
    expect((await strays()).map(({ namedShortcode }) => namedShortcode)).to.deep.equal(['999999', '999999']);
    const [found, ...more] = await discrepancies();
    expect(more).to.deep.equal([]);
    expect(found).to.include({ type: 'unknown_shortcode', status: 'open', receipt: 'UJ6OTHER01', mode: 'test' });
    expect(Number(found.at_risk_cents)).to.equal(150_000);
  });

  it('takes a till’s confirmation that names the till, or its store number', async () => {
    await app.gateway.core.db('shortcodes').where({ id: tenant.shortcodeId }).update({ kind: 'till', till: '5123456' });
    for (const named of ['5123456', number, ''])
      await confirm(app, tenant.shortcodeId, body({ BusinessShortCode: named, TransactionType: 'Buy Goods' }));
    expect(await linesOf(app, tenant)).to.have.length(3);
  });

  it('refuses a body over 64 KB, and a broken one, and keeps neither', async () => {
    const tooLong = JSON.stringify(body({ Padding: 'x'.repeat(70_000) }));
    expect((await confirm(app, tenant.shortcodeId, tooLong)).status).to.equal(413);
    const url = new URL(`${app.url}${c2bPath(app, tenant.shortcodeId)}/confirmation`);
    await new Promise<void>((resolve) => {
      const request = openRequest(url, { method: 'POST', headers: { 'Content-Length': '1000' } });
      request.on('error', () => resolve()).on('close', () => resolve());
      request.write('{"TransID":', () => request.destroy());
    });
    expect((await confirm(app, tenant.shortcodeId, body())).status).to.equal(200);
    expect(await linesOf(app, tenant)).to.have.length(1);
    expect(await strays()).to.deep.equal([]);
  });

  it('answers only POST', async () => {
    const answer = await app.call(`${c2bPath(app, tenant.shortcodeId)}/confirmation`, { key: '' });
    expect([answer.status, answer.headers.get('Allow')]).to.deep.equal([405, 'POST']);
  });

  it('accepts every validation, whatever it says, and keeps nothing of it', async () => {
    const before = await metric('lango_c2b_validations_total');
    const path = `${c2bPath(app, tenant.shortcodeId)}/validation`;
    for (const sent of [JSON.stringify(body()), '', 'nonsense', '{"TransAmount":"9999999"}']) {
      const answer = await app.call(path, { method: 'POST', key: '', body: sent });
      expect([answer.status, answer.body]).to.deep.equal([200, accepted]);
    }
    expect((await metric('lango_c2b_validations_total')) - before).to.equal(4);
    expect(logged.filter((line) => line.startsWith('c2b.validated'))).to.have.length(4);
    expect([await linesOf(app, tenant), await strays()]).to.deep.equal([[], []]);
  });

  it('notes when a shortcode was last heard of, and never turns that back', async () => {
    await confirm(app, tenant.shortcodeId, body());
    const heardAt = app.clock.now();
    await app.gateway.feeds.flush();
    expect(Number((await feedRow(app, tenant.shortcodeId))?.c2b_last_heard_at)).to.equal(heardAt);
    await app.clock.advance(1000);
    await confirm(app, tenant.shortcodeId, body({ TransID: freshReceipt() }));
    await app.gateway.feeds.flush();
    expect(Number((await feedRow(app, tenant.shortcodeId))?.c2b_last_heard_at)).to.equal(heardAt + 1000);
  });
});

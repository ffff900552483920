// Discrepancies, lines and suggestions through the pages: each act as a form sends it, with its reason and its line in the
// audit log, against the state that was looked at, and never by one person where two are needed.

import { expect } from 'chai';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { lookAtStrip } from '../../support/console-strip.ts';
import { signedIn, type Visit, type Visitor } from '../../support/console-visitor.ts';
import { beginTrouble, type Trouble } from '../../support/trouble-stage.ts';

const base = '/console/reconciliation';
const reason = 'Seen in the portal of M-PESA.';

const text = (html: string): string =>
  html
    .replace(/^.*<main/s, '')
    .replace(/<\/?b\b[^>]*>/g, '')
    .replace(/<[^>]+>|&nbsp;/g, ' ')
    .replace(/[\s\u00a0]+/g, ' ')
    .replaceAll('&#x27;', "'");
const valuesOf = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, 'g'))].map(([, value]) => value!);
const whereTo = ({ headers }: Visit): string => headers.get('location') ?? '';

describe('console: acts of reconciliation', () => {
  let app: TestGateway;
  let trouble: Trouble;
  let visitor: Visitor;
  let other: Visitor;
  before(async () => {
    app = await buildGateway();
  });
  beforeEach(async () => {
    trouble = await beginTrouble(app);
    // Sessions end after a while, and these tests move the clock.
    await renew();
  });
  after(() => app.close());

  async function renew(): Promise<void> {
    visitor = await signedIn(app);
    other = await signedIn(app);
  }
  const at = (path: string): string => `${base}/${path}${trouble.query}`;
  const audited = (action: string, target: string) =>
    app.gateway.core.db('audit_log').where({ action, target }).first();
  const stillOpen = async (): Promise<string[]> => (await trouble.stage.open()).map(({ type }) => type).sort();

  it('lists what differs by filter, and shows one: the sentence, both sides, what may be chosen', async () => {
    const { discrepancy, push } = await trouble.ambiguous();
    await trouble.orphan({ account: '=HYPERLINK("x")' });
    await renew();
    const all = text((await visitor.get(at('discrepancies'))).html);
    expect(all).to.contain('2 open, KES 3,000 at risk').and.to.contain('Money in, no payment');
    const some = text((await visitor.get(`${at('discrepancies')}&type=ambiguous&assignee=nobody`)).html);
    expect(some).to.contain('1 open, KES 1,500 at risk').and.not.to.contain('and no payment fits');
    expect(text((await visitor.get(`${at('discrepancies')}&assignee=me`)).html)).to.contain('Nothing differs');
    const { html } = await visitor.get(at(`discrepancies/${discrepancy.id}`));
    expect(text(html)).to.contain('Several payments fit, KES 1,500 at risk, open for 20 min');
    expect(text(html)).to.contain('Account TWIN-1').and.to.contain('1. TWIN-1').and.to.contain('2. TWIN-1');
    expect(html).to.match(new RegExp(`settle\\?[^"]*payment(=|&#x3D;)${push.id}`));
    expect(html).not.to.contain(push.phone);
    const viewer = await signedIn(app, { role: 'viewer' });
    expect((await viewer.get(at(`discrepancies/${discrepancy.id}`))).html).not.to.match(
      /Link this one|Write off|name="act"/,
    );
  });

  it('links a line to the payment that was chosen: with a reason, audited, once', async () => {
    const { discrepancy, push, other: twin, line } = await trouble.ambiguous();
    const settle = at(`discrepancies/${discrepancy.id}/settle`);
    const shown = await visitor.get(`${settle}&act=link&payment=${push.id}`);
    expect(text(shown.html)).to.contain('The money is this payment’s from now on').and.to.contain('TWIN-1');
    const fields = { act: 'link', version: String(discrepancy.version), payment: push.id };
    const empty = await visitor.post(settle, { ...fields, reason: ' ' });
    expect(empty.status).to.equal(400);
    expect(text(empty.html)).to.contain('Write why, in 3 to 500 characters');
    // Two payments have this reference: it names neither.
    const unnamed = await visitor.post(settle, { ...fields, payment: 'TWIN-1', reason });
    expect(unnamed.status).to.equal(400);
    expect(await stillOpen()).to.deep.equal(['ambiguous']);
    const done = await visitor.post(settle, { ...fields, reason });
    expect(whereTo(done)).to.equal(at(`discrepancies/${discrepancy.id}`));
    expect(await trouble.stage.read(push.id)).to.include({ status: 'succeeded', mpesaReceipt: line.receipt });
    expect((await trouble.stage.read(twin.id)).status).to.equal('pending');
    expect(await stillOpen()).to.deep.equal([]);
    const row = await audited('discrepancy.linked', discrepancy.id);
    expect(row).to.include({ actor: visitor.operator.id, reason });
    expect(JSON.parse(row.details).after).to.include({ payment: push.id, receipt: line.receipt });
    // The form of somebody who had it open, too.
    const again = await other.post(settle, { ...fields, payment: twin.id, reason });
    expect(again.status).to.equal(400);
    expect((await trouble.stage.read(twin.id)).status).to.equal('pending');
  });

  it('does nothing against a state that was not looked at', async () => {
    const { discrepancy } = await trouble.orphan();
    await renew();
    const fields = { version: String(discrepancy.version), reason };
    await visitor.post(at(`discrepancies/${discrepancy.id}/act`), { act: 'take', ...fields });
    const settle = at(`discrepancies/${discrepancy.id}/settle`);
    await other.post(settle, { act: 'make_payment', ...fields });
    await other.post(settle, { act: 'write_off', ...fields });
    expect(await stillOpen()).to.deep.equal(['orphan_receipt']);
    expect(await audited('discrepancy.payment_made', discrepancy.id)).to.equal(undefined);
    expect(await audited('discrepancy.write_off_requested', discrepancy.id)).to.equal(undefined);
    const page = text((await visitor.get(at(`discrepancies/${discrepancy.id}`))).html);
    expect(page).to.contain(`With ${visitor.operator.email}`).and.to.contain('assigned it');
    await visitor.post(settle, { act: 'make_payment', reason, version: String(discrepancy.version + 1) });
    expect(await stillOpen()).to.deep.equal([]);
    expect(await audited('discrepancy.payment_made', discrepancy.id)).to.include({ reason });
  });

  it('writes off what a second person approves, and not what one asks for and approves alone', async () => {
    const { discrepancy, line } = await trouble.orphan();
    await renew();
    const fields = {
      act: 'write_off',
      version: String(discrepancy.version),
      reason: 'Nobody asks for it, 0712345678.',
    };
    const asked = await visitor.post(at(`discrepancies/${discrepancy.id}/settle`), fields);
    const request = whereTo(asked);
    expect(request).to.match(/^\/console\/approvals\/apr_/);
    expect(await stillOpen()).to.deep.equal(['orphan_receipt']);
    const page = text((await other.get(request)).html);
    expect(page).to.contain(`${visitor.operator.email} asks to write off 1 discrepancy, KES 1,500`);
    expect(page).to.contain('Nobody asks for it, 2547*****678.').and.to.contain('Approve: write off');
    expect((await visitor.get(request)).html).not.to.contain('Approve: write off');
    const decide = (who: Visitor, what: string) => who.post(request.replace('?', `/${what}?`));
    await decide(visitor, 'approve');
    expect(await stillOpen()).to.deep.equal(['orphan_receipt']);
    expect(text((await visitor.get(at(`discrepancies/${discrepancy.id}`))).html)).to.contain(
      'asked for this to be decided',
    );
    const stranger = await signedIn(app, { tenantId: app.tenant.id });
    expect((await stranger.get(request.replace(/\?.*/, '?mode=test'))).status).to.equal(404);
    await decide(other, 'approve');
    expect(await stillOpen()).to.deep.equal([]);
    expect((await trouble.stage.readLine(line.id)).status).to.equal('settled');
    expect(await audited('discrepancy.write_off_approved', discrepancy.id)).to.include({ actor: other.operator.id });
  });

  it('does one act with many: by choice or by filter, after a page with count and sum, and only with those', async () => {
    const first = await trouble.orphan();
    const second = await trouble.orphan({ amountCents: 70_000 });
    await trouble.ambiguous();
    await renew();
    const bulk = at('discrepancies/bulk-settle');
    const chosen = await visitor.get(`${bulk}&do=mark_reversed&id=${first.discrepancy.id}`);
    expect(text(chosen.html)).to.contain('Mark as reversed: 1 KES 1,500 at risk in all.');
    const all = await visitor.get(`${bulk}&do=make_payment&all=1`);
    expect(text(all.html)).to.contain(
      'Make a payment of it: 2 KES 2,200 at risk in all. 1 of what was chosen is of a kind',
    );
    const [digest = ''] = valuesOf(all.html, 'digest');
    const fields = { do: 'make_payment', all: '1', digest, reason };
    const third = await trouble.orphan({ amountCents: 10_000 });
    await renew();
    await visitor.post(bulk, fields);
    // One more is chosen by the filter than was shown.
    expect(await audited('discrepancy.payment_made', first.discrepancy.id)).to.equal(undefined);
    const fresh = await visitor.get(`${bulk}&do=make_payment&all=1`);
    await visitor.post(bulk, { ...fields, digest: valuesOf(fresh.html, 'digest')[0]! });
    expect(await stillOpen()).to.deep.equal(['ambiguous']);
    for (const { discrepancy } of [first, second, third])
      expect(await audited('discrepancy.payment_made', discrepancy.id)).to.include({ reason });
    expect(whereTo(await visitor.get(`${at('discrepancies/bulk')}&do=take`))).to.equal(at('discrepancies'));
    const viewer = await signedIn(app, { role: 'viewer' });
    expect((await viewer.get(`${at('discrepancies/bulk')}&do=take&all=1`)).status).to.equal(403);
  });

  it('confirms suggestions, one or many, and only those that were shown', async () => {
    const { push, line } = await trouble.suggested();
    const { line: open, discrepancy } = await trouble.ambiguous();
    const list = (await visitor.get(at('suggested'))).html;
    expect(text(list)).to.contain(line.receipt).and.to.contain('SHY-1').and.to.contain('2 payments fit');
    expect(list).to.contain(`/console/reconciliation/discrepancies/${discrepancy.id}`);
    const shown = await visitor.get(`${at('suggested/confirm')}&line=${line.id}&line=${open.id}`);
    expect(text(shown.html)).to.contain('Confirm 1, KES 2,100').and.to.contain('1 of what was chosen is not suggested');
    const [pair = ''] = valuesOf(shown.html, 'pair');
    expect(pair).to.equal(`${line.id} ${push.id}`);
    await visitor.post(at('suggested/confirm'), { pair: `${line.id} pay_01kahq8z2pf0rs6w5v2r7r3d4e`, reason });
    expect((await trouble.stage.readLine(line.id)).status).to.equal('suggested');
    await visitor.post(at('suggested/confirm'), { pair, reason });
    expect(await trouble.stage.readLine(line.id)).to.include({ status: 'matched', paymentId: push.id });
    expect((await trouble.stage.read(push.id)).status).to.equal('succeeded');
    expect(await audited('line.confirmed', line.id)).to.include({ reason });
  });

  it('lists lines by filter and as a file that no spreadsheet runs, with the payer masked', async () => {
    const { line, push } = await trouble.orphan({
      account: '=cmd|x',
      phone: '254712345678',
      raw: '{"MSISDN":"254712345678"}',
    });
    await trouble.matched();
    await renew();
    const filtered = `&status=orphan&source=c2b&from=${line.day}&to=${line.day}&receipt=${line.receipt.toLowerCase()}`;
    const page = text((await visitor.get(at('lines') + filtered)).html);
    expect(page).to.contain(line.receipt).and.to.contain('Without a payment').and.not.to.contain('Matched OK');
    expect(text((await visitor.get(`${at('lines')}&receipt=NONE`)).html)).to.contain('No line that fits');
    const file = await visitor.get(at('lines.csv') + filtered);
    expect(file.headers.get('content-type')).to.match(/^text\/csv/);
    expect(file.html.split('\r\n')[1]).to.contain(`,${line.receipt},`).and.to.contain("'=cmd|x,2547*****678,");
    const one = (await visitor.get(at(`lines/${line.id}`))).html;
    expect(text(one))
      .to.contain('Money in, and nothing fitted within 15 minutes.')
      .and.to.contain('Payer 2547*****678');
    expect(one).not.to.contain('254712345678');
    const { status } = await visitor.post(at(`lines/${line.id}/link`), { payment: push.reference, reason });
    expect(status).to.equal(302);
    expect(await trouble.stage.readLine(line.id)).to.include({ status: 'matched', rule: 'OP', paymentId: push.id });
    expect(await stillOpen()).to.deep.equal([]);
    const stranger = await signedIn(app, { tenantId: app.tenant.id });
    expect((await stranger.get(`${base}/lines/${line.id}?mode=test`)).status).to.equal(404);
    expect((await stranger.get(`${base}/lines.csv?mode=test`)).html).not.to.contain(line.receipt);
  });

  it('has them in the queue of what needs attention, the worst first, where they are given to somebody', async () => {
    const { discrepancy } = await trouble.missing();
    const orphan = await trouble.orphan();
    const { discrepancy: mismatch } = await trouble.mismatch();
    await renew();
    const { html } = await visitor.get(`/console/attention${trouble.query}`);
    const keys = valuesOf(html, 'item').filter((key) => key.startsWith('dsc_'));
    // The payment of the mismatch waits for a review, and is in the queue itself.
    expect(keys).to.deep.equal([discrepancy.id, orphan.discrepancy.id]);
    expect(keys).not.to.include(mismatch.id);
    await visitor.post(`/console/attention/act${trouble.query}`, { act: 'take', item: keys });
    const assigned = await trouble.stage.open({ type: 'missing_at_provider' });
    expect(assigned[0]).to.include({ assigneeName: visitor.operator.email });
    const mine = text((await visitor.get(`${at('discrepancies')}&assignee=me`)).html);
    expect(mine).to.contain('2 open');
  });

  it('tells of critical ones in the strip until they are closed', async () => {
    const look = async () => {
      // Of this tenant alone: others' payments wait for their callbacks.
      const tenantId = trouble.stage.story.tenant.id;
      return lookAtStrip(app, await signedIn(app, { tenantId }), { path: base + trouble.query });
    };
    expect((await look()).title).to.equal('All clear');
    const { discrepancy, push, receipt } = await trouble.missing();
    await renew();
    const strip = await look();
    expect(strip.tone).to.equal('bad');
    expect(strip.title).to.match(/^M-PESA’s record and ours differ for paybill 174379 since/);
    expect(strip.since).to.equal(discrepancy.openedAt);
    expect(strip.facts[0]).to.equal('1 critical discrepancy open, KES 17,000 at risk.');
    expect(strip.link).to.match(/^\/console\/reconciliation\/discrepancies\?.*severity=critical/);
    const [line] = await trouble.stage.add(
      trouble.stage.lineOf({ ...push, at: discrepancy.openedAt }, { receipt, amountCents: 1_700_000, source: 'pull' }),
    );
    const day = `${base}/days/${trouble.stage.owner.shortcodeId}/${line!.day}/run${trouble.query}`;
    expect((await visitor.post(day)).status).to.equal(302);
    expect(await stillOpen()).to.deep.equal([]);
    expect((await look()).title).to.equal('All clear');
  });
});

// Home, from payments that are written down to the page that tells of them: tiles against last week, the day's chart and
// its table, why payments fail, what needs attention, and who may see whose.

import { expect } from 'chai';
import { countTransitions } from '../../../src/payments/hourly-stats-relay.ts';
import { appendAudit } from '../../../src/platform/audit-store.ts';
import { inTransaction } from '../../../src/platform/database.ts';
import { createHeartbeat } from '../../../src/platform/worker-store.ts';
import { buildGateway, type TestGateway, type TestTenant } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';
import { insertSeeded, type SeededStep, seededRows } from '../../support/seeded-payments.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const week = 7 * 24 * hour;

describe('console: Home', () => {
  let app: TestGateway;
  let visitor: Visitor;
  let other: TestTenant;
  let now: number;

  before(async () => {
    app = await buildGateway();
    visitor = await signedIn(app);
    other = await app.addTenant();
    now = app.clock.now();
    const ten = minute * 10;
    await seed(app.tenant, now - ten, paid(now - ten, 12), 4, 500);
    await seed(app.tenant, now - ten, ended(now - ten, 'cancelled', 'cancelled_by_customer'), 1, 100);
    await seed(other, now - ten, paid(now - ten, 20), 2, 1000);
    await seed(other, now - ten, ended(now - ten, 'failed', 'invalid_credentials'), 3, 100);
    await seed(app.tenant, now - 5 * hour, paid(now - 5 * hour, 12), 7, 10);
    await seed(app.tenant, now - week - ten, paid(now - week - ten, 10), 2, 500);
    await seed(app.tenant, now - week - ten, ended(now - week - ten, 'failed', 'wrong_pin'), 2, 100);
    const doubt: SeededStep[] = [
      { to: 'submitting', at: now - 20 * minute },
      { to: 'unknown', at: now - 19 * minute, evidence: { source: 'push' } },
    ];
    await seed(app.tenant, now - 20 * minute, doubt, 2, 800);
    await seed(other, now - 20 * second, [], 3, 50);
    while ((await countTransitions(app.gateway.core)) > 0);
  });
  after(() => app.close());

  async function seed(tenant: TestTenant, createdAt: number, steps: SeededStep[], count: number, amountKes: number) {
    const given = { tenantId: tenant.id, shortcodeId: tenant.shortcodeId, createdAt, amountKes };
    for (let n = 0; n < count; n += 1) await insertSeeded(app.gateway.core.db, seededRows(given, steps));
  }

  function paid(at: number, seconds: number): SeededStep[] {
    const push = { source: 'push', durationMs: 900 } as const;
    const taken: SeededStep = { to: 'pending', at: at + 900, evidence: push };
    return [{ to: 'submitting', at }, taken, { to: 'succeeded', at: at + seconds * second }];
  }

  function ended(at: number, to: 'failed' | 'cancelled', failureCode: SeededStep['failureCode']): SeededStep[] {
    return [
      { to: 'submitting', at },
      { to: 'pending', at: at + 900, evidence: { source: 'push', durationMs: 900 } },
      { to, at: at + 5 * second, failureCode: failureCode ?? null },
    ];
  }

  async function show(path = '/console?mode=test', who = visitor): Promise<string> {
    await app.clock.advance(1100);
    await createHeartbeat(app.gateway.core.db, app.gateway.core.now).beat();
    const { status, html } = await who.get(path);
    expect(status, html).to.equal(200);
    return html.replaceAll('\u00a0', ' ');
  }

  const textOf = (html: string): string => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
  /** The words of a part of the page, by its `data-live`. */
  function part(html: string, name: string): string {
    const start = html.indexOf(`data-live="${name}"`);
    expect(start, name).to.be.greaterThan(0);
    const next = html.indexOf('data-live="', start + 12);
    return textOf(html.slice(start, next < 0 ? undefined : next)).replace(/^[^>]*> /, '');
  }

  it('tells the last hour against the same time last week, and what waits, split', async () => {
    const tiles = part(await show(), 'tiles');
    expect(tiles).to.match(/Paid KES 4,000 300\.0 % more than 1,000/);
    expect(tiles).to.match(/Success rate 60\.0 % 10\.0 points above 50\.0 %/);
    expect(tiles).to.match(/Prompt to paid, median 1[0-9]\.\d s/);
    expect(tiles).to.match(/Waiting now 5 3 held back · 2 not sure yet · oldest 2\d s/);
  });

  it('draws the day in two panels and says the same as a table', async () => {
    const html = await show();
    const day = part(html, 'day');
    expect(day).to.match(/13 paid, 6 not paid/);
    expect(html).to.match(/<g><title>14:00: 6 paid, 1 customer, 3 settings; last week 2 paid<\/title>/);
    expect(html).to.match(/<g><title>13:00: 0 paid, 2 not sure yet; last week 0 paid<\/title>/);
    expect(html).to.match(/<th scope="row">14:00<\/th><td class="num">6<\/td><td class="num">1<\/td>/);
    expect(html).to.match(/<th scope="row">09:00<\/th><td class="num">7<\/td>/);
    expect(html, 'nothing a strict policy would block').not.to.match(/ style=|<style|javascript:| on\w+="/);
  });

  it('ranks why payments fail, with share, trend and what to do, each a link to those payments', async () => {
    const html = await show();
    const why = part(html, 'why');
    expect(why).to.match(
      /Credentials refused Settings: check consumer key, secret and passkey of the shortcode 3 75\.0 % \+75\.0 pt Cancelled by the customer Customer: nothing to repair; say the amount before you send the prompt 1 25\.0 %/,
    );
    expect(html).to.match(/code&#x3D;invalid_credentials&amp;t&#x3D;other&amp;from&#x3D;2026-10-05T15%3A00/);
  });

  it('lists what needs attention with the money at risk, and counts it in the navigation', async () => {
    const html = await show();
    const attention = part(html, 'attention');
    expect(attention).to.match(/KES 1,600 at risk/);
    expect(attention).to.match(/2 payments not sure yet M-PESA gave no clear answer, oldest 20 min KES 1,600/);
    expect(html).to.match(/Needs attention<\/span><span class="rail-count">2</);
  });

  it('shows the health of each shortcode', async () => {
    const health = part(await show(), 'shortcodes');
    expect(health).to.match(/Paybill 174379 Duka la Majaribio Up 80\.0 % paid 0\.9 s/);
    expect(health).to.match(/Degraded 40\.0 % paid/);
  });

  it('shows recent changes, and not who came in', async () => {
    const { db, dataKeys } = app.gateway.core;
    const actor = { id: 'opr_x', name: 'owner@lango.example' };
    for (const action of ['operator.signed_in', 'key.revoked'])
      await inTransaction(db, (trx) =>
        appendAudit(trx, dataKeys.audit, { actor, action, tenantId: null, target: null }, app.clock.now()),
      );
    const changes = part(await show(), 'changes');
    expect(changes).to.match(/14:1\d Key revoked by owner@lango\.example/);
    expect(changes).not.to.match(/signed in/i);
  });

  it('narrows everything to the tenant that is chosen', async () => {
    const html = await show(`/console?mode=test&tenant=${other.id}`);
    expect(part(html, 'tiles')).to.match(/Paid KES 2,000 nothing in this hour a week ago/);
    expect(part(html, 'tiles')).to.match(/Waiting now 3 3 held back/);
    expect(part(html, 'day')).to.match(/2 paid, 3 not paid/);
    expect(part(html, 'attention')).not.to.match(/not sure yet/);
    expect(html).to.include(`tenant&#x3D;${other.id}&amp;mode&#x3D;test`);
  });

  it('keeps an operator of one tenant inside it, in every part', async () => {
    const limited = await signedIn(app, { role: 'viewer', tenantId: app.tenant.id });
    const html = await show('/console?mode=test', limited);
    expect(part(html, 'tiles')).to.match(/Paid KES 2,000 .*Waiting now 2 2 not sure yet/);
    expect(part(html, 'day')).to.match(/11 paid, 3 not paid/);
    expect(part(html, 'why')).not.to.match(/Credentials refused/);
    expect(part(html, 'changes')).to.match(/Nobody has changed anything yet/);
    expect(html).not.to.include(other.id).and.not.to.include(other.shortcodeId);
    expect((await limited.get(`/console?mode=test&tenant=${other.id}`)).status).to.equal(404);
  });

  it('live and test are two worlds', async () => {
    const html = await show('/console?mode=live');
    expect(part(html, 'day')).to.match(/0 paid, 0 not paid/);
    expect(part(html, 'shortcodes')).to.match(/There is no shortcode here yet/);
  });

  it('answers nobody who has not signed in', async () => {
    const answer = await fetch(`${app.url}/console`, { redirect: 'manual' });
    expect(answer.status).to.equal(302);
    expect(answer.headers.get('location')).to.match(/^\/console\/sign-in/);
  });
});

// The list of callbacks: every one that came to a right address, with what became of it; forged and unreadable ones too,
// and never the customer's number.

import { expect } from 'chai';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';
import { sendCallback, silentPhone, tellStory } from '../../support/payment-story.ts';

describe('callbacks in the console', () => {
  let app: TestGateway;
  let operator: Visitor;
  const phones: string[] = [];
  before(async () => {
    app = await buildGateway();
    operator = await signedIn(app, { role: 'operator' });
    const story = tellStory(app, app.tenant);
    const waiting = async (): Promise<{ id: string; phone: string }> => {
      const payment = await story.pay({ phone: silentPhone(app) });
      phones.push(payment.phone);
      await story.until(payment.id, 'pending');
      return payment;
    };
    const paid = await waiting();
    await sendCallback(app, paid.phone, { resultCode: '0' });
    app.clock.set(app.clock.now() + 1000);
    await sendCallback(app, paid.phone, { resultCode: '1032' });
    app.clock.set(app.clock.now() + 1000);
    const forged = await waiting();
    await sendCallback(app, forged.phone, { checkoutRequestId: `ws_CO_06102026141530412${forged.phone.slice(3)}` });
    app.clock.set(app.clock.now() + 1000);
    const broken = await waiting();
    await sendCallback(app, broken.phone, { body: `{"PhoneNumber": ${broken.phone}, "broken <b>` });
  });
  after(() => app.close());

  const words = async (query = ''): Promise<string[]> => {
    const { html } = await operator.get(`/console/callbacks?mode=test${query}`);
    const table = /<tbody[\s\S]*<\/tbody>/.exec(html)?.[0] ?? '';
    return [...table.matchAll(/<\/svg>([^<]+)<\/span>/g)].map((match) => match[1]!);
  };

  async function openFirst(query: string): Promise<string> {
    const { html } = await operator.get(`/console/callbacks?mode=test${query}`);
    const path = /href="(\/console\/callbacks\/evd_\w+)/.exec(html)![1]!;
    return (await operator.get(`${path}?mode=test`)).html;
  }

  it('are listed newest first with what became of each', async () => {
    expect(await words()).to.deep.equal(['Unreadable', 'Forged ids', 'Contradicts', 'Applied']);
  });

  it('are filtered by what became of them, by day and by mode', async () => {
    expect(await words('&verdict=forged_ids')).to.deep.equal(['Forged ids']);
    expect(await words('&verdict=unreadable')).to.deep.equal(['Unreadable']);
    expect(await words('&verdict=repeated')).to.deep.equal([]);
    expect(await words('&verdict=nonsense'), 'no such verdict').to.have.length(4);
    expect(await words('&from=2026-10-06&to=2026-10-06')).to.have.length(4);
    expect(await words('&from=2026-10-07')).to.deep.equal([]);
    expect(await words('&to=2026-10-05')).to.deep.equal([]);
    expect((await operator.get('/console/callbacks?mode=live')).html).to.contain('No callback that fits');
  });

  it('show their body as it came, without the customer’s number in any of its disguises', async () => {
    const pages = [];
    for (const verdict of ['forged_ids', 'unreadable', 'applied', 'contradicts']) {
      const html = await openFirst(`&verdict=${verdict}`);
      expect(html, verdict).to.contain('<details').and.not.contain('<details open');
      pages.push(html);
    }
    pages.push((await operator.get('/console/callbacks?mode=test')).html);
    for (const html of pages)
      for (const phone of phones) {
        expect(html).not.to.contain(phone);
        expect(html).not.to.contain(phone.slice(3));
      }
    expect(pages[0]).to.match(/ws_CO_06102026141530412\d{3}\*\*\*\d{3}/);
    expect(pages[1]).to.contain('broken &lt;b&gt;').and.not.contain('broken <b>');
    expect(pages[2]).to.contain('stkCallback');
  });

  it('are a tenant’s own', async () => {
    const other = await app.addTenant({ shortcode: '654321' });
    const stranger = await signedIn(app, { role: 'owner', tenantId: other.id });
    expect((await stranger.get('/console/callbacks?mode=test')).html).to.contain('No callback that fits');
    const id = (await app.gateway.core.db('evidence').where({ source: 'callback' }).first('id')).id;
    expect((await stranger.get(`/console/callbacks/${id}?mode=test`)).status).to.equal(404);
    const { id: push } = await app.gateway.core.db('evidence').where({ source: 'push' }).first('id');
    expect((await operator.get(`/console/callbacks/${push}?mode=test`)).status, 'no callback').to.equal(404);
  });

  it('go on after fifty, each once, though many came in the same millisecond', async () => {
    const { db } = app.gateway.core;
    const row = await db('evidence').where({ source: 'callback', verdict: 'applied' }).first();
    const copies = Array.from({ length: 120 }, (_, count) => ({
      ...row,
      id: `evd_0${String(count).padStart(25, '0')}`,
      verdict: count % 3 === 0 ? 'repeated' : 'noted',
      at: row.at - 60_000 - Math.floor(count / 40),
    }));
    for (const copy of copies) await db('evidence').insert(copy);
    const seen: string[] = [];
    let next: string | undefined = '/console/callbacks?mode=test';
    while (next !== undefined) {
      const { html } = await operator.get(next);
      seen.push(...[...html.matchAll(/callbacks\/(evd_\w+)/g)].map((match) => match[1]!));
      next = /href="([^"]+)">Older/.exec(html)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
    }
    expect(seen).to.have.length(124);
    expect(new Set(seen).size).to.equal(124);
  });
});

// The list of payments in the console: what a search finds, filters that live in the address, pages that stand still
// while payments arrive, the CSV of exactly the list, and the walls between tenants.

import { expect } from 'chai';
import { recogniseSearch } from '../../../src/console/payment-search.ts';
import { listAudit } from '../../../src/platform/audit-store.ts';
import { buildGateway, freshPhone, type TestGateway } from '../../support/build-gateway.ts';
import { signedIn, type Visitor } from '../../support/console-visitor.ts';
import { beginPausedStory, endPayment, pendingPayment } from '../../support/payment-states.ts';
import { beginStory, type Story } from '../../support/payment-story.ts';

const list = '/console/payments';

/** The ids of the rows, in order. */
function idsIn(html: string): string[] {
  return [...html.matchAll(/class="row-link" href="\/console\/payments\/(pay_\w+)/g)].map(([, id]) => id!);
}

function linkTo(html: string, word: string): string | undefined {
  const href = new RegExp(`<a class="btn" href="([^"]+)">(?:<svg[^>]*><use [^>]*></svg>)?${word}`).exec(html)?.[1];
  return href?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=');
}

const textOf = (html: string): string =>
  html
    .replace(/<[^>]+>/g, '')
    .replace(/&#x27;|&#39;/g, "'")
    .replace(/\s+/g, ' ');

describe('console: the list of payments', () => {
  let app: TestGateway;
  let visitor: Visitor;
  let story: Story;
  let other: Story;
  let scope: string;
  before(async () => {
    app = await buildGateway();
    story = await beginStory(app);
    other = await beginPausedStory(app);
    visitor = await signedIn(app);
    scope = `?tenant=${story.tenant.id}&mode=test`;
  });
  after(() => app.close());

  async function find(query: string, by: Visitor = visitor): Promise<string> {
    const page = await by.get(`${list}${query}`);
    expect(page.status, page.html).to.equal(200);
    return page.html;
  }

  const found = async (query: string): Promise<string[]> => idsIn(await find(scope + query));

  describe('finds', () => {
    it('by id and by receipt goes straight to the payment, from any scope', async () => {
      const paid = await endPayment(app, story, '0');
      const where = `/console/payments/${paid.id}?mode=test`;
      for (const q of [paid.id, paid.mpesa_receipt, paid.mpesa_receipt.toLowerCase(), paid.checkout_request_id]) {
        const page = await visitor.get(`${list}?mode=live&q=${q}`);
        expect([page.status, page.headers.get('location')], q).to.deep.equal([302, where]);
      }
      const inScope = await visitor.get(`${list}${scope}&q=${paid.mpesa_receipt}`);
      expect(inScope.headers.get('location')).to.equal(
        `/console/payments/${paid.id}?tenant=${story.tenant.id}&mode=test`,
      );
    });

    it('by phone in any form, and not by a part of it', async () => {
      const phone = freshPhone();
      const { id } = await pendingPayment(app, story);
      const { id: own } = await story.pay({ phone });
      for (const form of [phone, `+${phone}`, `0${phone.slice(3)}`, `0${phone.slice(3, 6)} ${phone.slice(6)}`]) {
        expect(await found(`&q=${encodeURIComponent(form)}`), form).to.deep.equal([own]);
      }
      expect(await found(`&q=${phone.slice(0, 9)}`)).not.to.include(own);
      expect(id).not.to.equal(own);
    });

    it('by amount, asked for or received', async () => {
      const asked = await story.pay({ amount: 7431 });
      const received = await story.pay({ amount: 9000 });
      await app.gateway.core.db('payments').where({ id: received.id }).update({ amount_received_kes: 7431 });
      expect(await found('&q=7431')).to.have.members([asked.id, received.id]);
      expect(await found('&q=KES+7%2C431')).to.have.members([asked.id, received.id]);
      const html = await find(`${scope}&q=7431`);
      expect(textOf(html)).to.contain('Payments of KES 7,431, asked for or received.');
      expect(html).to.contain('q&#x3D;ref%3A7431');
    });

    it('by reference, exactly or by how it begins, and says so', async () => {
      const [exact, longer] = [await story.pay({ reference: 'QRS-1' }), await story.pay({ reference: 'QRS-11' })];
      await story.pay({ reference: 'XQRS-1' });
      expect(await found('&q=QRS-1')).to.deep.equal([longer.id, exact.id]);
      expect(await found('&q=QRS-11')).to.deep.equal([longer.id]);
      expect(textOf(await find(`${scope}&q=QRS-1&t=1h`))).to.contain(
        'References that begin with QRS-1, created in the last hour. Clear',
      );
    });

    it('a reference that looks like a receipt or an amount', async () => {
      const [like, number] = [await story.pay({ reference: 'UJ6REFEREN' }), await story.pay({ reference: '88112' })];
      expect(recogniseSearch('UJ6REFEREN').kind).to.equal('receipt');
      expect(await found('&q=UJ6REFEREN')).to.deep.equal([like.id]);
      expect(textOf(await find(`${scope}&q=UJ6REFEREN`))).to.contain('No payment has the receipt UJ6REFEREN.');
      expect(await found('&q=88112')).to.deep.equal([]);
      expect(await found('&q=ref%3A88112')).to.deep.equal([number.id]);
    });

    it('nothing, and says what to do', async () => {
      const html = await find(`${scope}&q=NOTHING+LIKE`);
      expect(idsIn(html)).to.deep.equal([]);
      expect(textOf(html)).to.contain('No payment is like this').and.contain('Show all payments');
      const unknownId = await find(`${scope}&q=pay_01kahq8z2pf0rs6w5v2r7r3d4e`);
      expect(idsIn(unknownId)).to.deep.equal([]);
      const empty = await find('?mode=live');
      expect(textOf(empty)).to.contain('No live payments yet');
    });
  });

  describe('filters', () => {
    it('by quick view, reason, shortcode, confirmed by and time, all combined in the address', async () => {
      const own = await beginStory(app);
      const at = `?tenant=${own.tenant.id}&mode=test`;
      const [paid, failed, cancelled] = [
        await endPayment(app, own, '0', { reference: 'MIX-1' }),
        await endPayment(app, own, '1', { reference: 'MIX-2' }),
        await endPayment(app, own, '1032', { reference: 'MIX-3' }),
      ];
      const waiting = await pendingPayment(app, own, { reference: 'MIX-4' });
      const late = await endPayment(app, own, '0', { reference: 'MIX-5' });
      const { db } = app.gateway.core;
      await db('payments').where({ id: late.id }).update({ flags: 'late', confirmed_by: 'statement' });
      const cases: [query: string, ids: string[]][] = [
        ['', [late.id, waiting.id, cancelled.id, failed.id, paid.id]],
        ['&view=paid', [late.id, paid.id]],
        ['&view=waiting', [waiting.id]],
        ['&view=failed', [failed.id]],
        ['&view=cancelled', [cancelled.id]],
        ['&view=unsure', []],
        ['&view=late', [late.id]],
        ['&view=review', []],
        ['&code=insufficient_funds', [failed.id]],
        ['&view=cancelled&code=insufficient_funds', []],
        ['&view=paid&code=insufficient_funds', []],
        ['&confirmed_by=statement', [late.id]],
        ['&confirmed_by=callback&view=paid', [paid.id]],
        ['&shortcode=174379&view=failed', [failed.id]],
        ['&shortcode=600000', []],
        ['&q=MIX-&view=paid&confirmed_by=statement&t=1h&shortcode=174379', [late.id]],
        ['&t=other&from=2026-10-06T14:15', [late.id, waiting.id, cancelled.id, failed.id, paid.id]],
        ['&t=other&to=2026-10-06T14:15', []],
      ];
      for (const [query, ids] of cases) expect(idsIn(await find(at + query)), query).to.deep.equal(ids);
    });

    it('stay in every link, and in the form', async () => {
      const html = await find(`${scope}&q=INV&view=paid&t=7d&shortcode=174379&code=wrong_pin&confirmed_by=query`);
      const late = /<a href="([^"]+)">[^<]*<svg[^>]*>[^<]*<use[^>]*>[^<]*<\/svg>Late/
        .exec(html)?.[1]
        ?.replaceAll('&amp;', '&')
        .replaceAll('&#x3D;', '=');
      const query = Object.fromEntries(new URL(late ?? '', 'http://x').searchParams);
      expect(query).to.deep.equal({
        tenant: story.tenant.id,
        mode: 'test',
        q: 'INV',
        view: 'late',
        t: '7d',
        shortcode: '174379',
        code: 'wrong_pin',
        confirmed_by: 'query',
      });
      expect(html).to.contain('name="view" value="paid"').and.contain('name="t" value="7d"');
      expect(html)
        .to.match(/<option value="wrong_pin" selected>/)
        .and.match(/<option value="174379" selected>/);
      expect(html).to.match(/<option value="query" selected>/);
    });
  });

  describe('pages', () => {
    it('stand still while payments arrive, forward and back, and end where they began', async () => {
      const own = await beginPausedStory(app);
      const at = `?tenant=${own.tenant.id}&mode=test`;
      const made: string[] = [];
      for (let count = 0; count < 45; count += 1) {
        made.unshift((await own.pay()).id);
        // Several share a moment.
        if (count % 3 === 0) await app.clock.advance(1000);
      }
      const first = await find(at);
      expect(idsIn(first)).to.deep.equal(made.slice(0, 20));
      expect(textOf(first)).to.contain('20 payments, ');
      expect(linkTo(first, 'Newer')).to.equal(undefined);
      await own.pay();
      const second = await find(linkTo(first, 'Older')!.slice(list.length));
      expect(idsIn(second)).to.deep.equal(made.slice(20, 40));
      const third = await find(linkTo(second, 'Older')!.slice(list.length));
      expect(idsIn(third)).to.deep.equal(made.slice(40));
      expect(linkTo(third, 'Older')).to.equal(undefined);
      const back = await find(linkTo(third, 'Newer')!.slice(list.length));
      expect(idsIn(back)).to.deep.equal(made.slice(20, 40));
      const again = await find(linkTo(back, 'Newer')!.slice(list.length));
      expect(idsIn(again)).to.deep.equal(made.slice(0, 20));
      // What is newer than that is less than a page: the first page shows it.
      const top = await visitor.get(linkTo(again, 'Newer')!);
      expect(top.status).to.equal(302);
      expect(idsIn(await find(top.headers.get('location')!.slice(list.length)))).to.have.length(20);
    });

    it('go on through filters that no index knows', async () => {
      const own = await beginPausedStory(app);
      const at = `?tenant=${own.tenant.id}&mode=test`;
      const wanted: string[] = [];
      for (let count = 0; count < 50; count += 1) {
        const { id } = await own.pay({ amount: count % 2 === 0 ? 4321 : 5 });
        if (count % 2 === 0) wanted.unshift(id);
        app.clock.set(app.clock.now() + (count % 5 === 0 ? 20 * 60_000 : 10));
      }
      visitor = await signedIn(app);
      const first = await find(`${at}&q=4321`);
      expect(idsIn(first)).to.deep.equal(wanted.slice(0, 20));
      const second = await find(linkTo(first, 'Older')!.slice(list.length));
      expect(idsIn(second)).to.deep.equal(wanted.slice(20));
      const back = await visitor.get(linkTo(second, 'Newer')!);
      expect(back.status === 302 ? wanted.slice(0, 20) : idsIn(back.html)).to.deep.equal(wanted.slice(0, 20));
    });
  });

  describe('as CSV', () => {
    const rowsOf = (text: string): string[] => text.trim().split('\r\n').slice(1);

    it('is exactly the list, whatever the filter, newest first', async () => {
      const own = await beginPausedStory(app);
      const at = `?tenant=${own.tenant.id}&mode=test`;
      for (let count = 0; count < 25; count += 1)
        await own.pay({ reference: `CSV-${count}`, amount: count % 2 === 0 ? 77 : 78 });
      for (const query of ['', '&q=CSV-1', '&q=77', '&view=waiting&q=CSV', '&view=paid', '&t=15m', '&q=NOPE']) {
        const csv = await visitor.get(`/console/payments.csv${at}${query}`);
        expect(csv.status).to.equal(200);
        let html = await find(at + query);
        const ids = idsIn(html);
        for (let older = linkTo(html, 'Older'); older !== undefined; older = linkTo(html, 'Older')) {
          html = await find(older.slice(list.length));
          ids.push(...idsIn(html));
        }
        expect(
          rowsOf(csv.html).map((row) => row.split(',')[0]),
          query,
        ).to.deep.equal(ids);
      }
      const csv = await visitor.get(`/console/payments.csv${at}`);
      expect(csv.headers.get('content-type')).to.equal('text/csv; charset=utf-8');
      expect(csv.headers.get('content-disposition')).to.match(/^attachment; filename="payments-2026-1\d-\d\d\.csv"$/);
      expect(csv.headers.get('cache-control')).to.equal('no-store');
    });

    it('runs no formula and shows no number in full', async () => {
      const own = await beginPausedStory(app);
      const phone = freshPhone();
      const { id } = await own.pay({ reference: '-2 3', phone });
      await app.gateway.core.db('payments').where({ id }).update({ description: '=cmd|calc' });
      const csv = await visitor.get(`/console/payments.csv?tenant=${own.tenant.id}&mode=test`);
      expect(csv.html).to.contain(",'-2 3,'=cmd|calc,").and.not.contain(phone.slice(4));
      expect(csv.html).to.contain(`${phone.slice(0, 4)}*****${phone.slice(-3)}`);
    });

    it('is written down, without what was searched for', async () => {
      const phone = freshPhone();
      await visitor.get(`/console/payments.csv${scope}&view=paid&q=${phone}`);
      const { db } = app.gateway.core;
      const [act] = await listAudit(db, { tenantId: story.tenant.id, action: 'payments.exported', limit: 1 });
      expect(act).to.deep.include({ actor: visitor.operator.id, tenantId: story.tenant.id });
      expect(act?.after).to.deep.equal({ mode: 'test', view: 'paid', time: 'any', search: 'phone' });
      expect(JSON.stringify(act)).not.to.contain(phone.slice(3));
    });
  });

  describe('between tenants', () => {
    it('an operator of one sees its payments only, in the list, by every search and in the file', async () => {
      const mine = await signedIn(app, { tenantId: story.tenant.id });
      const phone = freshPhone();
      const theirs = await other.pay({ phone, reference: 'WALL-1', amount: 6543 });
      const { db } = app.gateway.core;
      await db('payments')
        .where({ id: theirs.id })
        .update({ mpesa_receipt: 'UJ6WALL001', checkout_request_id: 'ws_CO_0610202614153041wall' });
      const mineOnly = new Set<string>(await db('payments').where({ tenant_id: story.tenant.id }).pluck('id'));
      for (const q of [
        '',
        theirs.id,
        'UJ6WALL001',
        'ws_CO_0610202614153041wall',
        phone,
        'WALL-1',
        '6543',
        'ref:WALL',
      ]) {
        const page = await mine.get(`${list}?mode=test&q=${encodeURIComponent(q)}`);
        expect(page.status, q).to.equal(200);
        expect(
          idsIn(page.html).filter((id) => !mineOnly.has(id)),
          q,
        ).to.deep.equal([]);
        const csv = await mine.get(`/console/payments.csv?mode=test&q=${encodeURIComponent(q)}`);
        expect(csv.html, q).not.to.contain(theirs.id);
      }
      for (const page of [list, '/console/payments.csv'])
        expect((await mine.get(`${page}?tenant=${other.tenant.id}&mode=test`)).status).to.equal(404);
    });

    it('an operator of all sees all, with a column that says whose', async () => {
      const [a, b] = [await story.pay({ reference: 'BOTH-1' }), await other.pay({ reference: 'BOTH-2' })];
      const html = await find('?mode=test&q=BOTH');
      expect(idsIn(html)).to.deep.equal([b.id, a.id]);
      expect(html).to.contain('>Tenant</th>');
      expect(await find(`${scope}&q=BOTH`)).not.to.contain('>Tenant</th>');
      expect(idsIn(await find('?mode=live&q=BOTH'))).to.deep.equal([]);
    });
  });

  it('is for those who have signed in', async () => {
    for (const path of [list, '/console/payments.csv', `${list}/pay_01kahq8z2pf0rs6w5v2r7r3d4e`]) {
      const answer = await fetch(app.url + path, { redirect: 'manual' });
      expect(answer.status, path).to.equal(302);
      expect(answer.headers.get('location')).to.match(/^\/console\/sign-in\?next=/);
    }
  });

  it('shows what was typed as text', async () => {
    const html = await find(`${scope}&q=${encodeURIComponent('"><script>alert(1)</script>')}`);
    expect(html).not.to.contain('<script>alert');
    expect(html).to.contain('&lt;script&gt;alert(1)');
  });
});

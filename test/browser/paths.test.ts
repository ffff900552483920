// What operators come to the console for, each way walked in a browser with JavaScript and without: find a payment and
// read what happened to it, settle one with a second person, send a failed webhook again, roll a key, take a filtered
// list away as a file.

import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { createHeartbeat } from '../../src/platform/worker-store.ts';
import { heading, textOf, told, typeCode, type Visits, visitsTo } from '../support/browser-visits.ts';
import { openChromium } from '../support/chromium.ts';
import { signedIn } from '../support/console-visitor.ts';
import { addKey, endPayment, pendingPayment } from '../support/payment-states.ts';
import { beginStory, rest, type Story, sendCallback } from '../support/payment-story.ts';
import { answers } from '../support/webhook-receiver.ts';
import { day, minute, type Stage, setStage, type Target } from '../support/webhook-stage.ts';

for (const hasScript of [true, false])
  describe(`the main paths of the console in a browser, ${hasScript ? 'with' : 'without'} JavaScript`, function () {
    this.timeout(60_000);
    let browser: Browser;
    let stage: Stage;
    let visits: Visits;
    let target: Target;
    let story: Story;
    let paid: { id: string; phone: string; mpesa_receipt: string };
    before(async function () {
      this.timeout(180_000);
      browser = await openChromium();
      stage = await setStage();
      visits = visitsTo(stage.app, browser, { hasScript });
      // Days pass before anybody looks: an open page would be told of each second of them.
      target = await stage.target(answers.status(503, { 'content-type': 'text/plain' }, 'The shop is closed.'));
      await stage.happen();
      await stage.live(4 * day);
      story = await beginStory(stage.app);
      const order = { reference: 'ORDER-77', description: 'Maize flour', amount: 4500 };
      paid = await endPayment(stage.app, story, '0', order);
      await endPayment(stage.app, story, '1032', { reference: 'ORDER-78' });
    });
    after(async () => {
      await browser?.close();
      await stage?.close();
    });
    const complaints: string[] = [];
    afterEach(async () => void complaints.push(...(await visits.end())));

    const rows = (page: Page) => page.locator('tbody tr');

    async function lookForPayment(typed: string): Promise<Page> {
      const viewer = await signedIn(stage.app, { role: 'viewer' });
      const page = await visits.enter(viewer, `/console/payments?mode=test&tenant=${story.tenant.id}`);
      await page.getByLabel('Find a payment by receipt, phone, reference, id or amount').fill(typed);
      await page.getByRole('button', { name: 'Find' }).click();
      return page;
    }

    it('a payment is found by its receipt, at once', async () => {
      const page = await lookForPayment(paid.mpesa_receipt.toLowerCase());
      await heading(page, /^Paid: confirmed in \d+ s by M-PESA’s callback$/);
      expect(page.url()).to.contain(paid.id);
    });

    it('a payment is found by the customer’s phone, however it is written', async () => {
      const { phone } = paid;
      const page = await lookForPayment(`0${phone.slice(3, 6)} ${phone.slice(6, 9)} ${phone.slice(9)}`);
      await page.waitForURL(/q=/);
      expect(await rows(page).count()).to.equal(1);
      expect(await textOf(rows(page)))
        .to.contain('ORDER-77')
        .and.contain(paid.mpesa_receipt);
      expect(await textOf(rows(page)), 'masked').to.contain(`${phone.slice(0, 4)}*****${phone.slice(-3)}`);
    });

    it('a payment is found by its reference, and says what happened, step by step, with the raw exchange', async () => {
      const page = await lookForPayment('ORDER-7');
      await page.waitForURL(/q=ORDER-7/);
      expect(await rows(page).count()).to.equal(2);
      await rows(page).filter({ hasText: 'ORDER-77' }).getByRole('link').first().click();
      await heading(page, /^Paid/);
      const trail = await page.locator('.trail > li').allInnerTexts();
      const steps = [/Sending/, /M-PESA accepted the push/, /callback/i, /Paid/];
      const places = steps.map((step) => trail.findIndex((words) => step.test(words)));
      expect(places, trail.join(' | ')).to.not.include(-1);
      expect(
        [...places].sort((a, b) => a - b),
        trail.join(' | '),
      ).to.deep.equal(places);

      const exchange = page.locator('.trail details').filter({ hasText: 'MpesaReceiptNumber' }).first();
      expect(await exchange.locator('pre').isVisible()).to.equal(false);
      await exchange.locator('summary').click();
      await exchange.locator('pre').waitFor({ state: 'visible' });
      expect(await textOf(exchange.locator('pre')))
        .to.contain(paid.mpesa_receipt)
        .and.not.contain(paid.phone);
    });

    it('two persons settle a payment that needs a review, each with a fresh code', async () => {
      const story = await beginStory(stage.app);
      const pending = await pendingPayment(stage.app, story, { amount: 10_000, reference: 'SETTLE-1' });
      await sendCallback(stage.app, pending.phone, { amount: 1000 });
      await rest(stage.app);
      const [asks, approves] = [await visits.person('operator'), await visits.person('operator')];
      const scope = `?tenant=${story.tenant.id}&mode=test`;
      const first = await visits.signedIn(asks, `/console/payments${scope}&view=review`);
      const second = await visits.signedIn(approves, `/console/attention${scope}`);
      stage.app.clock.set(stage.app.clock.now() + 11 * minute);

      await rows(first).getByRole('link').first().click();
      await heading(first, /^Needs review: KES\s1,000 came, 10,000 was asked for$/);
      await first.getByRole('link', { name: 'Settle by hand…' }).click();
      await heading(first, 'Enter your code');
      await typeCode(first, visits.nextCode(asks.secret), 'Continue');
      await heading(first, 'Settle by hand');
      await first.getByLabel('Paid', { exact: true }).check();
      await first.getByLabel('M-PESA receipt').fill('UJ6ABC1234');
      await first.getByLabel('How you know').selectOption({ label: 'M-PESA’s statement or portal shows the money' });
      await first.getByLabel('What you looked at, and what it showed').fill('The statement of 6 October, line 12.');
      await first.getByRole('button', { name: 'Ask for approval' }).click();
      await told(first, 'Somebody else has to approve it within a day');
      expect(await textOf(first.locator('main'))).to.contain('You asked for this yourself.');
      expect(await first.getByRole('button', { name: /^Approve/ }).count(), 'who asks never approves').to.equal(0);

      await second.reload();
      await second.getByRole('link', { name: 'An approval waits for you' }).click();
      await heading(second, /SETTLE-1/);
      expect(await textOf(second.locator('main')))
        .to.contain('The statement of 6 October, line 12.')
        .and.contain(asks.email);
      await second.getByRole('button', { name: /^Approve/ }).click();
      await heading(second, 'Not done: who are you?');
      await second.getByRole('link', { name: 'Enter a code' }).click();
      await typeCode(second, visits.nextCode(approves.secret), 'Continue');
      await heading(second, /SETTLE-1/);
      await second.getByRole('button', { name: /^Approve/ }).click();
      await told(second, 'Approved, and done.');
      await heading(second, /^Paid/);
      expect(await textOf(second.locator('.facts'))).to.contain('UJ6ABC1234');
      expect(await story.read(pending.id)).to.include({ status: 'succeeded', mpesa_receipt: 'UJ6ABC1234' });
    });

    it('a webhook that was given up is sent again and reaches its endpoint; so is a window of the past', async () => {
      const operator = await signedIn(stage.app);
      const page = await visits.enter(operator, '/console/webhooks?mode=test');
      await page.getByRole('link', { name: new URL(target.url).host }).click();
      await heading(page, new URL(target.url).host);
      await page.getByRole('link', { name: 'Given up' }).click();
      await page.waitForURL(/status=dead/);
      await rows(page).getByRole('link').first().click();
      await heading(page, /^payment\.succeeded was given up after 12 attempts at/);
      const answer = page.getByRole('region', { name: 'Answer to attempt 12' });
      expect(await textOf(answer)).to.contain('The shop is closed.');

      target.answerWith(answers.status(204));
      const before = target.requests.length;
      await page.getByRole('button', { name: 'Send again' }).click();
      await told(page, 'It is sent again now');
      await stage.sweep();
      await page.reload();
      await heading(page, /^payment\.succeeded reached .* after 13 attempts\.$/);
      expect(target.requests.length - before).to.equal(1);
      expect(new Set(target.ids()).size, 'the same event each time').to.equal(1);

      await page.getByRole('navigation', { name: 'Where you are' }).getByRole('link', { name: target.url }).click();
      await page.getByLabel('Happened in the last').selectOption('7 days');
      await page.getByLabel('Which').selectOption('Everything');
      await page.getByRole('button', { name: 'Send again' }).click();
      await told(page, /^1 will be sent again/);
      await stage.sweep();
      expect(target.requests.length - before).to.equal(2);
    });

    it('a key is rolled: the new one is shown once, and both work while they overlap', async () => {
      const old = await addKey(stage.app, stage.tenant, { name: 'Till 4' });
      const operator = await signedIn(stage.app);
      const page = await visits.enter(operator, '/console/keys?mode=test');
      await page.getByRole('link', { name: 'Till 4' }).click();
      await heading(page, 'Till 4');
      await page.getByRole('link', { name: 'Roll…' }).click();
      await heading(page, 'Roll Till 4');
      await page.getByLabel('The old key').selectOption('works 2 more days');
      await page.getByLabel('Why (optional)').fill('A colleague has left');
      await page.getByRole('button', { name: 'Roll the key' }).click();
      await heading(page, 'Till 4 is rolled');
      const made = await textOf(page.locator('#secret'));
      expect(made)
        .to.match(/^lango_test_/)
        .and.not.equal(old.key);
      for (const key of [old.key, made])
        expect((await stage.app.call('/v1/payments', { key })).status, key.slice(0, 20)).to.equal(200);

      const copy = page.locator('[data-copy]');
      expect(await copy.isVisible(), 'only where a script can do it').to.equal(hasScript);
      if (hasScript) {
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
        await copy.click();
        await copy.getByText('Copied').waitFor();
        expect(await page.evaluate('navigator.clipboard.readText()')).to.equal(made);
      }
      await page.getByRole('link', { name: 'I have kept it' }).click();
      await heading(page, 'Till 4');
      expect(await page.content(), 'shown once').not.to.contain(made);
      await page.goto('/console/audit?mode=test');
      expect(await textOf(rows(page).first()))
        .to.contain('A colleague has left')
        .and.contain(operator.operator.email);
    });

    it('a list is filtered step by step, and taken away as a file of exactly that', async () => {
      const own = await beginStory(stage.app);
      await endPayment(stage.app, own, '0', { reference: 'CSV-1' });
      await endPayment(stage.app, own, '1', { reference: '-1.1' });
      await endPayment(stage.app, own, '2001', { reference: 'CSV-3' });
      const viewer = await signedIn(stage.app, { role: 'viewer', tenantId: own.tenant.id });
      const page = await visits.enter(viewer, '/console/payments');
      await heading(page, 'Payments');
      await page.getByText('Test', { exact: true }).click();
      if (!hasScript) await page.getByRole('button', { name: 'Go', exact: true }).click();
      await page.waitForURL(/mode=test/);
      expect(await rows(page).count()).to.equal(3);
      await page.getByRole('navigation', { name: 'Quick views' }).getByRole('link', { name: 'Failed' }).click();
      await page.waitForURL(/view=failed/);
      expect(await rows(page).count()).to.equal(2);
      await page.getByLabel('Reason').selectOption('insufficient_funds');
      await page.getByRole('button', { name: 'Apply' }).click();
      await page.waitForURL(/code=insufficient_funds/);
      expect(await rows(page).count()).to.equal(1);

      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'CSV of this list' }).click(),
      ]);
      expect(download.suggestedFilename()).to.match(/^payments-2026-10-\d\d\.csv$/);
      const file = await readFile(await download.path(), 'utf8');
      const [head, row, ...more] = file.replace(/^\ufeff/, '').split('\r\n');
      expect(head).to.match(/^Payment,Tenant,Mode,Created/);
      expect(row).to.contain(",'-1.1,").and.contain(',insufficient_funds,');
      expect(more).to.deep.equal(['']);
    });

    if (hasScript)
      it('a script adds keys, words under the pointer and news of what goes wrong', async () => {
        const { app } = stage;
        const { beat } = createHeartbeat(app.gateway.core.db, app.gateway.core.now);
        await beat();
        const scope = `?mode=test&tenant=${story.tenant.id}`;
        const page = await visits.enter(await signedIn(app), `/console/payments${scope}`);
        await page.keyboard.press('?');
        await page.getByRole('dialog', { name: 'Keys' }).waitFor();
        await page.keyboard.press('Escape');
        await page.keyboard.press('j');
        await page.keyboard.press('j');
        await page.keyboard.press('Enter');
        await heading(page, /^Paid/);
        await page.keyboard.press('/');
        await page.waitForURL(/#search$/);
        await page.locator('#q:focus').waitFor();

        await page.goto(`/console${scope}`);
        await page.locator('svg.plot').first().hover();
        await page
          .locator('.tip')
          .filter({ hasText: /\d\d:00: \d+ paid/ })
          .waitFor();
        const strip = page.locator('.strip').filter({ hasText: 'No worker is running' });
        // The stream looks again after a while of the gateway's clock, which goes on until the page has heard.
        const isHeard = (): Promise<boolean> =>
          strip.waitFor({ timeout: 500 }).then(
            () => true,
            () => false,
          );
        for (let tries = 0; tries < 40 && !(await isHeard()); tries += 1) await app.clock.advance(31_000 / (tries + 1));
        expect(await strip.isVisible(), 'without anybody having asked').to.equal(true);
      });

    it('no browser complained about any of these pages', () => expect(complaints.join('\n')).to.equal(''));
  });

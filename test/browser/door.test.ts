// The door of the console in a browser, with JavaScript and without: the first owner from the one-time link, and signing
// in with an authenticator. The server is set as in production, where nobody gets in without a second factor.

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { heading, textOf, typeCode, typePassword, type Visits, visitsTo } from '../support/browser-visits.ts';
import { buildGateway, type TestGateway } from '../support/build-gateway.ts';
import { openChromium } from '../support/chromium.ts';

/** How wide a picture is, once it has come; this runs in the page. */
async function drawnWidth(element: unknown): Promise<number> {
  const image = element as { decode(): Promise<void>; naturalWidth: number };
  await image.decode();
  return image.naturalWidth;
}

for (const hasScript of [true, false])
  describe(`the door of the console in a browser, ${hasScript ? 'with' : 'without'} JavaScript`, function () {
    this.timeout(60_000);
    let browser: Browser;
    let app: TestGateway;
    let visits: Visits;
    before(async function () {
      this.timeout(180_000);
      browser = await openChromium();
      app = await buildGateway({ env: { NODE_ENV: 'production', MASTER_KEY: randomBytes(32).toString('base64') } });
      visits = visitsTo(app, browser, { hasScript });
    });
    after(async () => {
      await browser?.close();
      await app?.close();
    });
    const complaints: string[] = [];
    afterEach(async () => void complaints.push(...(await visits.end())));

    it('the one-time link makes the owner: password, authenticator, recovery codes, Home', async () => {
      const page = await visits.open();
      const link = await visits.ownerLink();
      const owner = { email: 'Owner@Lango.Example', password: 'four unrelated words, well chosen' };
      await page.goto(link);
      await heading(page, 'Welcome to Lango');
      await typePassword(page, owner);
      await heading(page, 'Set up your authenticator');
      const qrCode = page.getByAltText('QR code for the authenticator app');
      expect(await qrCode.evaluate(drawnWidth), 'the picture is there').to.be.greaterThan(0);
      const secret = (await textOf(page.locator('figcaption code'))).replaceAll(' ', '');
      await typeCode(page, visits.nextCode(secret), 'Use this app');
      await heading(page, 'Your recovery codes');
      const codes = await page.locator('.codes code').allInnerTexts();
      expect(new Set(codes).size).to.equal(10);
      await page.getByRole('link', { name: 'I have kept them' }).click();
      await heading(page, 'Home');
      expect(await textOf(page.locator('.rail-who'))).to.equal('owner@lango.example Owner, all tenants');

      await page.getByRole('button', { name: 'Sign out' }).click();
      await heading(page, 'Sign in');
      await page.goto(link);
      await heading(page, 'There is nothing here');
      expect(await textOf(page.locator('main'))).to.contain('This link was used or has ended');

      await page.goto('/console');
      await typePassword(page, owner);
      await heading(page, 'Enter your code');
      await typeCode(page, codes[3]!, 'Sign in');
      await heading(page, 'Home');
      await page.goto('/console/me');
      expect(await textOf(page.locator('main'))).to.contain('Set up; 9 recovery codes are left.');
    });

    it('signs in with password and code, and leads to the page that was asked for', async () => {
      const person = await visits.person('operator');
      const page = await visits.open();
      await page.goto('/console/keys?mode=test');
      await heading(page, 'Sign in');
      await typePassword(page, { ...person, password: 'not this one, sorry' });
      await page.getByRole('alert').waitFor();
      expect(await textOf(page.getByRole('alert'))).to.equal('The e-mail address or the password is wrong.');
      expect(await page.getByLabel('E-mail').inputValue()).to.equal(person.email);

      await typePassword(page, person);
      await heading(page, 'Enter your code');
      const code = visits.nextCode(person.secret);
      await typeCode(page, String((Number(code) + 1) % 1_000_000).padStart(6, '0'), 'Sign in');
      await page.getByRole('alert').waitFor();
      expect(await textOf(page.getByRole('alert'))).to.match(/^This code is wrong, too old, or was used already/);
      await typeCode(page, code, 'Sign in');
      await heading(page, 'Keys');
      expect(page.url()).to.equal(`${app.url}/console/keys?mode=test`);

      const other = await visits.open();
      await other.goto('/console/keys?mode=test');
      await typePassword(other, person);
      await typeCode(other, code, 'Sign in');
      await other.getByRole('alert').waitFor();
      expect(await textOf(other.getByRole('alert')), 'the same code again').to.contain('was used already');
    });

    it('no browser complained about any of these pages', () => expect(complaints.join('\n')).to.equal(''));
  });

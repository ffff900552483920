// Every page of the console, seen in Chromium: axe finds nothing in it, in light and in dark, on a desk and on a phone; it
// does not scroll sideways; the browser has nothing to complain about; and what strangers wrote is only ever text.

import { readdirSync } from 'node:fs';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { createPasswordLink } from '../../src/console/manage-operators.ts';
import { walkedPages } from '../support/browser-pages.ts';
import { heading, type Visits, visitsTo } from '../support/browser-visits.ts';
import { makeWorld, type World } from '../support/browser-world.ts';
import { openChromium } from '../support/chromium.ts';
import { consoleRoutes } from '../support/console-routes.ts';
import { signedIn } from '../support/console-visitor.ts';
import type { WalkedPage, Who } from '../support/walked-page.ts';

/** What is asked for with GET and is no page. */
const noPages = [
  '/console/assets/:name',
  '/console/live',
  '/console/payments.csv',
  '/console/reconciliation/lines.csv',
  '/console/reconciliation/closes/:id/csv',
  '/console/audit.csv',
  '/console/enrol/qr.svg',
];
/** What the stream sends for a part of a page. */
const noViews = ['home-strip'];

const themes = ['light', 'dark'] as const;
const widths = [1280, 360] as const;
/** Nothing scrolls sideways on these either; 320 px is 1280 at 400 %. */
const otherWidths = [1024, 768, 320] as const;

/** Elements that are none of ours; it runs in the page. */
const strangers = `[...document.querySelectorAll('xss-try, script, img, [onerror], [onclick]')]
  .filter((one) => !/^\\/console\\//.test(one.getAttribute('src') ?? ''))
  .map((one) => one.outerHTML)`;

interface AxeResults {
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
}

describe('every page of the console in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let world: World;
  let visits: Visits;
  let link: string;
  const pages = new Map<Who, Page>();
  before(async function () {
    this.timeout(180_000);
    browser = await openChromium();
    world = await makeWorld();
    const { app } = world.stage;
    visits = visitsTo(app, browser, { hasScript: true });
    const { core } = app.gateway;
    const deps = { ...core, consoleKey: core.dataKeys.console, auditKey: core.dataKeys.audit };
    const by = { actor: { id: 'cli', name: 'test' }, ip: null };
    link = `/console/welcome/${(await createPasswordLink(deps, by, { operatorId: world.ids.operator })).linkToken}`;
    const newcomer = await signedIn(app, { role: 'viewer' });
    pages.set('nobody', await visits.open());
    pages.set('owner', await visits.enter(world.owner, '/console/me'));
    pages.set('keeper', await visits.enter(world.keeper, '/console/me'));
    pages.set('newcomer', await visits.enter(newcomer, '/console/me'));
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  it('is in the list of pages that are walked', () => {
    const routes = consoleRoutes(world.stage.app).filter(({ method }) => method === 'GET');
    const walked = [...walkedPages.map(({ path }) => path), ...noPages];
    expect([...new Set(walked)].sort()).to.deep.equal(routes.map(({ path }) => path).sort());
    const views = readdirSync(new URL('../../views/pages/console', import.meta.url)).map((file) =>
      file.replace('.hbs', ''),
    );
    const seen = [...walkedPages.map(({ view }) => view), ...noViews];
    expect([...new Set(seen)].sort()).to.deep.equal(views.sort());
  });

  it('has an icon', async () => {
    for (const page of [pages.get('owner')!, pages.get('nobody')!]) {
      await page.goto(page === pages.get('owner') ? '/console/me' : '/console/sign-in');
      const href = await page.locator('link[rel="icon"]').getAttribute('href');
      const icon = await page.request.get(href ?? '');
      expect([icon.status(), icon.headers()['content-type']]).to.deep.equal([200, 'image/svg+xml']);
    }
  });

  async function open(one: WalkedPage): Promise<Page> {
    const page = pages.get(one.who ?? 'owner')!;
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });
    const at = one.at?.({ ...world.ids, link }) ?? `${one.path}?mode=test`;
    const answer = await page.goto(at);
    expect(answer?.status(), at).to.equal(one.status ?? 200);
    await one.act?.(page, visits, world);
    await heading(page, one.heading);
    return page;
  }

  /** One line for each thing that is wrong with the page as it stands. */
  async function faultsOf(page: Page): Promise<string[]> {
    const faults: string[] = [];
    await page.evaluate(axe.source);
    for (const colorScheme of themes)
      for (const width of widths) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const where = `${colorScheme}, ${width} px`;
        const { violations } = await page.evaluate<AxeResults>(`axe.run(document, { resultTypes: ['violations'] })`);
        for (const { id, help, nodes } of violations)
          for (const { html, failureSummary } of nodes)
            faults.push(`${where}: ${id} (${help}) at ${html}: ${failureSummary}`);
      }
    for (const width of [...widths, ...otherWidths]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
      if (wide > width) faults.push(`${wide} px wide on ${width} px`);
    }
    return faults;
  }

  for (const one of walkedPages)
    it(`${one.view}: ${one.path}${one.act === undefined ? '' : ', after an act'}`, async () => {
      const page = await open(one);
      const text = (await page.locator('body').textContent()) ?? '';
      for (const words of one.shows ?? []) expect(text).to.contain(words);
      expect(await page.evaluate(strangers), 'elements of strangers').to.deep.equal([]);
      expect((await faultsOf(page)).join('\n')).to.equal('');
    });

  it('gave no browser anything to complain about', async () => {
    expect((await visits.end()).join('\n')).to.equal('');
  });
});

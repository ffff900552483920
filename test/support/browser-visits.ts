// People at their browsers: each visit is a browser context of its own, with or without JavaScript, that knows the
// gateway's address. `end` closes them all and says what the browsers complained about, so that a test that saw a broken
// script or policy fails although its own assertions held.

import type { Browser, Locator, Page } from 'playwright-core';
import { type People, type Person, tellPeople } from './browser-people.ts';
import { type Watch, watch } from './browser-watch.ts';
import type { TestGateway } from './build-gateway.ts';
import type { Visitor } from './console-visitor.ts';

export interface Visits extends People {
  /** A page of somebody who has not signed in. */
  open(): Promise<Page>;
  /** A page of a person who has signed in with password and code, at `path`. */
  signedIn(person: Person, path?: string): Promise<Page>;
  /** The same for an operator whose session was written by {@link signedIn} of console-visitor: quicker. */
  enter(visitor: Pick<Visitor, 'cookie'>, path: string): Promise<Page>;
  /** Closes every page. @returns what browsers complained about */
  end(): Promise<string[]>;
}

/** Far more than anything takes: what is waited for is always something to be seen. */
const patienceMs = 30_000;

export function visitsTo(
  app: TestGateway,
  browser: Browser,
  { hasScript, headers = {} }: { hasScript: boolean; headers?: Record<string, string> },
): Visits {
  const people = tellPeople(app);
  const watches: Watch[] = [];
  const open: Visits['open'] = async () => {
    const context = await browser.newContext({
      baseURL: app.url,
      javaScriptEnabled: hasScript,
      viewport: { width: 1280, height: 900 },
      reducedMotion: 'reduce',
      extraHTTPHeaders: headers,
    });
    context.setDefaultTimeout(patienceMs);
    watches.push(watch(context));
    return context.newPage();
  };
  return {
    ...people,
    open,
    async signedIn(person, path = '/console?mode=test') {
      const page = await open();
      await page.goto(path);
      await typePassword(page, person);
      await typeCode(page, people.nextCode(person.secret), 'Sign in');
      await page.waitForURL((url) => url.pathname + url.search === path);
      return page;
    },
    async enter({ cookie }, path) {
      const page = await open();
      const [name, value] = cookie.split('=') as [string, string];
      await page.context().addCookies([{ name, value, url: app.url }]);
      await page.goto(path);
      return page;
    },
    async end() {
      for (const context of browser.contexts()) await context.close();
      return watches.splice(0).flatMap((one) => one.complaints());
    },
  };
}

export async function typePassword(page: Page, { email, password }: Pick<Person, 'email' | 'password'>): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
}

export async function typeCode(page: Page, code: string, button: string): Promise<void> {
  await page.getByLabel('Code', { exact: true }).fill(code);
  await page.getByRole('button', { name: button }).click();
}

/** The page's own heading, once it is there. */
export async function heading(page: Page, words: string | RegExp): Promise<string> {
  const found = page.getByRole('heading', { level: 1, name: words });
  await found.waitFor();
  return textOf(found);
}

/** What was just done, as the page says it. */
export async function told(page: Page, words: string | RegExp): Promise<void> {
  await page.locator('.flash').filter({ hasText: words }).waitFor();
}

/** What is to be read there, on one line. */
export async function textOf(place: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: what a person sees, not what is hidden
  const text = await place.innerText();
  return text.replace(/\s+/g, ' ').trim();
}

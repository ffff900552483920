// What a browser complains about while a test goes through pages: errors and warnings of its console (a policy that was
// broken is one), scripts that threw, dialogs that nobody asked for. A test that passes has none of them.

import type { BrowserContext, Page } from 'playwright-core';

export interface Watch {
  /** One line for each complaint, oldest first. */
  complaints(): string[];
}

export function watch(context: BrowserContext): Watch {
  const seen: { line: string; url: string }[] = [];
  /** Pages that were asked for: that one answered 404 is the test's to judge, and not a broken page. */
  const pages = new Set<string>();
  const note = (page: Page, what: string, words: string, url = ''): void =>
    void seen.push({ line: `${what} on ${page.url()}: ${words}${url === '' ? '' : ` (${url})`}`, url });

  function follow(page: Page): void {
    page.on('request', (request) => {
      if (request.isNavigationRequest()) pages.add(request.url());
    });
    page.on('console', (message) => {
      const type = message.type();
      if (type === 'error' || type === 'warning') note(page, type, message.text(), message.location().url);
    });
    page.on('pageerror', (error) => note(page, 'script', error.message));
    page.on('dialog', (dialog) => {
      note(page, 'dialog', dialog.message());
      void dialog.dismiss();
    });
  }

  for (const page of context.pages()) follow(page);
  context.on('page', follow);
  const isExpected = ({ line, url }: { line: string; url: string }): boolean =>
    line.includes('Failed to load resource: the server responded with a status of') && pages.has(url);
  return { complaints: () => seen.filter((one) => !isExpected(one)).map(({ line }) => line) };
}

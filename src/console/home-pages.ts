// Home: how it goes now, how the day went, what needs somebody, what was changed. What it shows is read and put together
// in home-view; here it only becomes a page.

import type Router from '@koa/router';
import type { Homes } from './home-view.ts';
import { ask, type ShellDeps, showPage } from './shell-pages.ts';

export interface HomePageDeps extends ShellDeps {
  homes: Homes;
}

export function addHomePages(router: Router, deps: HomePageDeps): void {
  router.get('/console', deps.sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const home = await deps.homes.read(asked.scope);
    await showPage(deps, ctx, asked, 'home', { title: 'Home', now: deps.now(), home });
  });
}

// Whatever else is asked for under /console: a page that says so, behind the same door as all others. Registered last.

import type Router from '@koa/router';
import { AppError } from '../platform/errors.ts';

export function addUnknownPages(router: Router): void {
  router.all('/console/*path', () => {
    throw new AppError(
      'not_found',
      'There is no such page in the console. It may have been a page of another version.',
    );
  });
}

// One page of the console in the walk over all of them: who looks at it, where it is, and what is done there first.

import type { Page } from 'playwright-core';
import type { Visits } from './browser-visits.ts';
import type { World } from './browser-world.ts';

/** Nobody yet, an owner, a viewer of one tenant that is well, or somebody who has no authenticator. */
export type Who = 'nobody' | 'owner' | 'keeper' | 'newcomer';

export interface WalkedPage {
  /** The template in views/pages/console. */
  view: string;
  /** Of the route, as the router has it. */
  path: string;
  /** What stands for the parameters of the path, and its query; without it `mode=test`. */
  at?: (ids: World['ids'] & { link: string }) => string;
  who?: Who;
  heading: RegExp;
  status?: number;
  /** What is done on the page before it is looked at: another page may come of it. */
  act?: (page: Page, visits: Visits, world: World) => Promise<void>;
  /** Texts of strangers that are to be read on it, as they were written. */
  shows?: readonly string[];
}

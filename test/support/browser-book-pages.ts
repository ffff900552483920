// The pages of reconciliation, for the walk over every page of the console.

import type { WalkedPage } from './walked-page.ts';

const books = '/console/reconciliation';

export const bookPages: readonly WalkedPage[] = [
  { view: 'reconciliation', path: books, heading: /^Reconciliation$/ },
  {
    view: 'reconciliation-day',
    path: `${books}/days/:id/:day`,
    at: ({ shortcode }) => `${books}/days/${shortcode}/2026-10-05?mode=test`,
    heading: /5 Oct/,
  },
  {
    view: 'shortcode-sources',
    path: '/console/shortcodes/:id/sources',
    at: ({ shortcode }) => `/console/shortcodes/${shortcode}/sources?mode=test`,
    heading: /^Where M-PESA tells of its money$/,
  },
  { view: 'lines', path: `${books}/lines`, heading: /^Lines$/ },
  {
    view: 'line',
    path: `${books}/lines/:id`,
    at: ({ line }) => `${books}/lines/${line}?mode=test`,
    heading: /^KES/,
  },
  {
    view: 'line-link',
    path: `${books}/lines/:id/link`,
    at: ({ line }) => `${books}/lines/${line}/link?mode=test`,
    heading: /^Link KES/,
  },
  { view: 'discrepancies', path: `${books}/discrepancies`, heading: /^Discrepancies$/ },
  {
    view: 'discrepancy',
    path: `${books}/discrepancies/:id`,
    at: ({ discrepancy }) => `${books}/discrepancies/${discrepancy}?mode=test`,
    heading: /open for/,
  },
  {
    view: 'discrepancy-settle',
    path: `${books}/discrepancies/:id/settle`,
    at: ({ discrepancy }) => `${books}/discrepancies/${discrepancy}/settle?mode=test&act=write_off`,
    heading: /^Write off/,
  },
  {
    view: 'discrepancies-bulk',
    path: `${books}/discrepancies/bulk`,
    at: ({ discrepancy }) => `${books}/discrepancies/bulk?mode=test&do=take&id=${discrepancy}`,
    heading: /: 1$/,
  },
  {
    view: 'discrepancies-bulk',
    path: `${books}/discrepancies/bulk-settle`,
    at: ({ discrepancy }) => `${books}/discrepancies/bulk-settle?mode=test&do=write_off&id=${discrepancy}`,
    heading: /: 1$/,
  },
  { view: 'suggested', path: `${books}/suggested`, heading: /^Suggested matches$/ },
  {
    view: 'suggested-confirm',
    path: `${books}/suggested/confirm`,
    at: ({ suggested }) => `${books}/suggested/confirm?mode=test&line=${suggested}`,
    heading: /^Confirm 1/,
  },
  { view: 'closes', path: `${books}/closes`, heading: /^Closes$/ },
  {
    view: 'close-new',
    path: `${books}/closes/new`,
    at: ({ shortcode }) => `${books}/closes/new?mode=test&shortcode=${shortcode}&day=2026-10-05`,
    heading: /^Close /,
  },
  {
    view: 'close',
    path: `${books}/closes/:id`,
    at: ({ close }) => `${books}/closes/${close}?mode=test`,
    heading: /4 Oct/,
  },
  { view: 'statements', path: `${books}/imports`, heading: /^Statements$/ },
  {
    view: 'statement',
    path: `${books}/imports/:id`,
    at: ({ statement }) => `${books}/imports/${statement}?mode=test`,
    heading: /\.csv$/,
  },
];

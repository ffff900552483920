// Every page of the console with what a person does to see it, for a walk that looks at each. The walk holds this list
// against the routes and the templates there are, so that a new page cannot be left out.

import type { Page } from 'playwright-core';
import { bookPages } from './browser-book-pages.ts';
import { typeCode, typePassword } from './browser-visits.ts';
import { evil } from './browser-world.ts';
import type { WalkedPage } from './walked-page.ts';

const press =
  (name: string | RegExp) =>
  (page: Page): Promise<void> =>
    page.getByRole('button', { name }).first().click();

const door: readonly WalkedPage[] = [
  { view: 'sign-in', path: '/console/sign-in', who: 'nobody', heading: /^Sign in$/ },
  {
    view: 'sign-in',
    path: '/console/sign-in',
    who: 'nobody',
    heading: /^Sign in$/,
    async act(page) {
      await typePassword(page, { email: 'nobody@lango.example', password: 'not the right one' });
      await page.getByRole('alert').waitFor();
    },
  },
  {
    view: 'code',
    path: '/console/sign-in/code',
    at: () => '/console/sign-in',
    who: 'nobody',
    heading: /^Enter your code$/,
    async act(page, visits) {
      await typePassword(page, await visits.person('viewer'));
      await page.getByLabel('Code', { exact: true }).waitFor();
    },
  },
  {
    view: 'welcome',
    path: '/console/welcome/:token',
    at: ({ link }) => link,
    who: 'nobody',
    heading: /^Set your password$/,
  },
  {
    view: 'door-problem',
    path: '/console/welcome/:token',
    at: () => '/console/welcome/none',
    who: 'nobody',
    heading: /^There is nothing here$/,
    status: 404,
  },
  { view: 'enrol', path: '/console/enrol', who: 'newcomer', heading: /^Set up your authenticator$/ },
  {
    view: 'recovery-codes',
    path: '/console/enrol',
    who: 'newcomer',
    heading: /^Your recovery codes$/,
    async act(page, visits) {
      const secret = (await page.locator('figcaption code').textContent()) ?? '';
      await typeCode(page, visits.code(secret.replace(/\s/g, '')), 'Use this app');
      await page.locator('.codes').waitFor();
    },
  },
  { view: 'password-again', path: '/console/step-up', heading: /^Your password once more$/ },
];

const payments: readonly WalkedPage[] = [
  { view: 'home', path: '/console', heading: /^Home$/, shows: [evil.long] },
  {
    view: 'home',
    path: '/console',
    heading: /^Home$/,
    async act(page, _visits, { stage, beat }) {
      stage.app.clock.set(stage.app.clock.now() + 40_000);
      await page.reload();
      await page.getByRole('heading', { name: 'No worker is running' }).waitFor();
      await beat();
    },
    shows: [evil.long],
  },
  { view: 'home', path: '/console', who: 'keeper', heading: /^Home$/ },
  { view: 'attention', path: '/console/attention', heading: /^Needs attention$/, shows: [evil.long, evil.reference] },
  {
    view: 'attention-preview',
    path: '/console/attention',
    heading: /^Assign to me: \d+$/,
    async act(page) {
      for (const box of await page.getByRole('checkbox').all()) await box.check();
      await page.getByRole('button', { name: 'Preview: assign to me' }).click();
    },
    shows: [evil.long],
  },
  { view: 'payments', path: '/console/payments', heading: /^Payments$/, shows: [evil.reference, evil.long] },
  {
    view: 'payments',
    path: '/console/payments',
    at: () => '/console/payments?mode=test&view=failed&t=other&from=2026-01-01T00:00&code=wrong_pin',
    heading: /^Payments$/,
  },
  {
    view: 'payments',
    path: '/console/payments',
    at: () => `/console/payments?mode=test&q=${encodeURIComponent(evil.key)}`,
    heading: /^Payments$/,
    shows: [evil.key],
  },
  {
    view: 'payment',
    path: '/console/payments/:id',
    at: ({ payment }) => `/console/payments/${payment}?mode=test`,
    heading: /^Paid/,
    shows: [evil.reference, evil.description, evil.key, evil.long],
  },
  {
    view: 'payment',
    path: '/console/payments/:id',
    at: ({ unsure }) => `/console/payments/${unsure}?mode=test`,
    heading: /^Not sure yet/,
    shows: [`${evil.long} is not JSON`],
  },
  {
    view: 'payment',
    path: '/console/payments/:id/phone',
    at: ({ review }) => `/console/payments/${review}/phone?mode=test`,
    heading: /^Needs review/,
  },
  {
    view: 'payment',
    path: '/console/payments/:id/phone',
    at: ({ payment }) => `/console/payments/${payment}/phone?mode=test`,
    heading: /^Paid/,
    async act(page) {
      await page.getByLabel('Why you need it').fill(evil.long);
      await press('Show the number')(page);
      await page.getByText('shown once, and written down').waitFor();
    },
    shows: [evil.long],
  },
  {
    view: 'resolve',
    path: '/console/payments/:id/resolve',
    at: ({ unsure }) => `/console/payments/${unsure}/resolve?mode=test`,
    heading: /^Settle by hand$/,
    shows: [evil.reference],
  },
  {
    view: 'resolve',
    path: '/console/payments/:id/resolve',
    at: ({ unsure }) => `/console/payments/${unsure}/resolve?mode=test`,
    heading: /^Settle by hand$/,
    async act(page) {
      await page.getByLabel('Paid', { exact: true }).check();
      await page.getByLabel('How you know').selectOption({ index: 1 });
      await page.getByLabel('What you looked at, and what it showed').fill(evil.long);
      await page.locator('main form button[type="submit"]').click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    view: 'approval',
    path: '/console/approvals/:id',
    at: ({ approval }) => `/console/approvals/${approval}?mode=test`,
    heading: /./,
    shows: [evil.long, evil.reference],
  },
];

const webhooks: readonly WalkedPage[] = [
  { view: 'webhooks', path: '/console/webhooks', heading: /^Webhooks$/, shows: [evil.long] },
  {
    view: 'webhook',
    path: '/console/webhooks/:id',
    at: ({ endpoint }) => `/console/webhooks/${endpoint}?mode=test`,
    heading: /^127\.0\.0\.1:\d+$/,
    shows: [evil.long, evil.query],
  },
  {
    view: 'webhook-secret',
    path: '/console/webhooks/:id',
    at: ({ endpoint }) => `/console/webhooks/${endpoint}?mode=test&status=dead`,
    heading: /^The secret was rotated$/,
    act: press('Rotate the secret'),
  },
  {
    view: 'delivery',
    path: '/console/deliveries/:id',
    at: ({ delivery }) => `/console/deliveries/${delivery}?mode=test`,
    heading: /was given up after 12 attempts/,
    shows: [evil.long, evil.key, evil.query],
  },
  { view: 'callbacks', path: '/console/callbacks', heading: /^Callbacks$/, shows: [evil.long] },
  {
    view: 'callback',
    path: '/console/callbacks/:id',
    at: ({ unreadable }) => `/console/callbacks/${unreadable}?mode=test`,
    heading: /^Unreadable$/,
    async act(page) {
      await page.locator('details summary').click();
    },
    shows: [evil.long],
  },
  {
    view: 'callback',
    path: '/console/callbacks/:id',
    at: ({ forged }) => `/console/callbacks/${forged}?mode=test`,
    heading: /^Forged ids$/,
  },
];

const setUp: readonly WalkedPage[] = [
  { view: 'tenants', path: '/console/tenants', heading: /^Tenants$/, shows: [evil.long] },
  { view: 'tenant-new', path: '/console/tenants/new', heading: /tenant$/ },
  {
    view: 'tenant-new',
    path: '/console/tenants/new',
    heading: /tenant$/,
    act: (page) => page.locator('main form button[type="submit"]').click(),
  },
  {
    view: 'tenant',
    path: '/console/tenants/:id',
    at: ({ tenant }) => `/console/tenants/${tenant}?mode=test`,
    heading: /xss-try/,
    shows: [evil.long],
  },
  { view: 'shortcodes', path: '/console/shortcodes', heading: /^Shortcodes$/, shows: [evil.long] },
  { view: 'shortcode-new', path: '/console/shortcodes/new', heading: /^Add a test shortcode$/ },
  {
    view: 'shortcode',
    path: '/console/shortcodes/:id',
    at: ({ shortcode }) => `/console/shortcodes/${shortcode}?mode=test`,
    heading: /654321/,
    shows: [evil.long],
  },
  {
    view: 'shortcode-credentials',
    path: '/console/shortcodes/:id/credentials',
    at: ({ shortcode }) => `/console/shortcodes/${shortcode}/credentials?mode=test`,
    heading: /^Replace the credentials/,
  },
  { view: 'keys', path: '/console/keys', heading: /^Keys$/, shows: [evil.key.slice(0, 11)] },
  { view: 'keys', path: '/console/keys', at: () => '/console/keys?mode=test&show=ended', heading: /^Keys$/ },
  { view: 'key-new', path: '/console/keys/new', heading: /^Make a test key$/ },
  {
    view: 'key',
    path: '/console/keys/:id',
    at: ({ key }) => `/console/keys/${key}?mode=test`,
    heading: /xss-try/,
    shows: [evil.long],
  },
  {
    view: 'key-roll',
    path: '/console/keys/:id/roll',
    at: ({ key }) => `/console/keys/${key}/roll?mode=test`,
    heading: /^Roll/,
  },
  {
    view: 'secret-once',
    path: '/console/keys/:id/roll',
    at: ({ key }) => `/console/keys/${key}/roll?mode=test`,
    heading: /is rolled$/,
    act: press('Roll the key'),
  },
  {
    view: 'key-revoke',
    path: '/console/keys/:id/revoke',
    at: ({ key }) => `/console/keys/${key}/revoke?mode=test`,
    heading: /^Revoke/,
  },
];

const server: readonly WalkedPage[] = [
  { view: 'operators', path: '/console/operators', heading: /^Operators$/, shows: [evil.email, evil.long] },
  { view: 'operator-new', path: '/console/operators/new', heading: /^Let somebody in$/ },
  {
    view: 'operator',
    path: '/console/operators/:id',
    at: ({ operator }) => `/console/operators/${operator}?mode=test`,
    heading: /xss-try/,
    shows: [evil.email, evil.key],
  },
  {
    view: 'operator-link',
    path: '/console/operators/:id/link',
    at: ({ operator }) => `/console/operators/${operator}/link?mode=test`,
    heading: /^Make a one-time link/,
    shows: [evil.email],
  },
  { view: 'operator-self', path: '/console/me', heading: /^You$/ },
  { view: 'audit', path: '/console/audit', heading: /^Audit$/, shows: [evil.long, evil.email] },
  { view: 'system', path: '/console/system', heading: /^System$/ },
  {
    view: 'problem',
    path: '/console/*path',
    at: () => '/console/nothing',
    heading: /^There is nothing here$/,
    status: 404,
  },
  {
    view: 'failure',
    path: '/console/deliveries/:id',
    at: ({ broken }) => `/console/deliveries/${broken}?mode=test`,
    heading: /^Something went wrong on our side$/,
    status: 500,
  },
];

export const walkedPages: readonly WalkedPage[] = [
  ...door,
  ...payments,
  ...webhooks,
  ...bookPages,
  ...setUp,
  ...server,
];

// `npm run screenshots`: the pictures of the console in README, made anew from the console as it is. A gateway and a
// simulator in this process with a past of eight days (screenshots/scene), a browser (Chromium) in front of them, and one
// PNG for each picture in docs/screenshots.

import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openChromium } from '../test/support/chromium.ts';
import { openScene, type Scene } from './screenshots/scene.ts';
import { chooseDelivery, choosePayment } from './screenshots/subjects.ts';

const folder = path.join(import.meta.dirname, '..', 'docs', 'screenshots');
const width = 1280;
const mostBytes = 300_000;
const owner = { email: 'wanjiru@gateway.example', password: 'four unrelated words, well chosen' };

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Signs in through the one-time link, as the first owner does. */
async function enter(browser: Browser, { ownerLink, url }: Scene): Promise<Page> {
  // The pages are the same without script; with it they would tell the time by the browser's own clock.
  const context = await browser.newContext({
    baseURL: url,
    javaScriptEnabled: false,
    viewport: { width, height: 800 },
    colorScheme: 'light',
    locale: 'en-GB',
  });
  const page = await context.newPage();
  await page.goto(ownerLink);
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password').fill(owner.password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  return page;
}

/** @param words that must be on the page: a picture of something else would be taken for the truth */
async function take(page: Page, name: string, address: string, height: number, words: string): Promise<void> {
  const answer = await page.goto(address);
  if (answer?.status() !== 200) throw new Error(`${address} was answered ${answer?.status()}`);
  const text = await page.textContent('body');
  if (text?.includes(words) !== true) throw new Error(`${address} does not say "${words}"`);
  const file = path.join(folder, `${name}.png`);
  await page.setViewportSize({ width, height });
  await page.screenshot({ path: file, animations: 'disabled' });
  const { size } = statSync(file);
  if (size > mostBytes) throw new Error(`${name}.png has ${size} bytes: no more than ${mostBytes} go into README`);
  say(`  ${name}.png  ${Math.round(size / 1024)} KB`);
}

async function takeAll(browser: Browser, scene: Scene): Promise<void> {
  const page = await enter(browser, scene);
  await scene.bringCustomers();
  await take(page, 'home-calm', '/console', 1300, 'All clear');
  await take(page, 'payments', '/console/payments?mode=live&t=today', 1000, 'Prompt on the phone');
  const [payment, delivery] = [await choosePayment(scene.core), await chooseDelivery(scene.core)];
  await take(page, 'payment', `/console/payments/${payment}`, 1400, 'Paid late');
  await take(page, 'delivery', `/console/deliveries/${delivery}`, 1200, 'after 3 attempts');
  await scene.breakSafaricom();
  await take(page, 'home-incident', '/console', 1300, 'Safaricom is not answering for paybill');
}

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const browser = await openChromium();
  let scene: Scene | undefined;
  let closed: Promise<unknown> | undefined;
  const close = (): Promise<unknown> => {
    closed ??= Promise.allSettled([browser.close(), scene?.close()]);
    return closed;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close());
  try {
    say('Filling eight days …');
    scene = await openScene(({ what, done, total }) => {
      if (done === total) say(`  ${total} ${what}`);
    });
    await takeAll(browser, scene);
  } finally {
    await close();
  }
}

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}

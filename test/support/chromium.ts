// The browser of the tests in test/browser: Chromium as it is found on the machine, or as Debian packages it, run by
// playwright-core, which brings no browser of its own. `npm test` looks for it before anything runs, so that a machine
// without one says so once, with what to do, and not once for each test.

import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { findProgram, install, mayInstall, messageOf, type Say } from './private-server.ts';

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** With the fonts that most pages of the tests were looked at with. */
const packages = ['chromium', 'fonts-liberation'];

/** Why there is no browser; its message is one line for people. */
export class NoChromiumError extends Error {}

/**
 * The program's path: what CHROMIUM_PATH names, else the first one installed, else Debian's, installed with apt-get.
 * @throws NoChromiumError that says what to do
 */
export async function findChromium(say: Say = () => {}, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env.CHROMIUM_PATH;
  if (given) {
    if (isProgram(given)) return given;
    throw new NoChromiumError(`CHROMIUM_PATH is set, but ${given} is not a program that can be run`);
  }
  const find = (): string | undefined => programs.map(findProgram).find((program) => program !== undefined);
  const found = find();
  if (found !== undefined) return found;
  const nothing = `no Chromium: ${programs.join(', ')} not on the PATH`;
  if (!mayInstall()) throw new NoChromiumError(`${nothing} (install Chromium or Chrome, or set CHROMIUM_PATH)`);
  await install(packages, say).catch((error) => {
    throw new NoChromiumError(`${nothing}, and apt-get could not install it (${messageOf(error)})`);
  });
  const installed = find();
  if (installed === undefined) throw new NoChromiumError(`${nothing}, not even by the package ${packages[0]}`);
  return installed;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A browser of one's own, to be closed after the tests of a file. It opens nothing but pages of ours. */
export async function openChromium(): Promise<Browser> {
  const executablePath = await findChromium();
  // Root has no sandbox in Chromium, and containers often have none for anybody.
  return chromium.launch({ executablePath, chromiumSandbox: false, timeout: 60_000 });
}

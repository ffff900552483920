// Where the tests' browser comes from: named, or found, and a name that leads nowhere is said at once.

import { expect } from 'chai';
import { findChromium } from '../support/chromium.ts';

describe('finding Chromium', () => {
  it('takes the program that CHROMIUM_PATH names', async () => {
    expect(await findChromium(() => {}, { CHROMIUM_PATH: process.execPath })).to.equal(process.execPath);
  });

  it('refuses a name that is no program, and looks for no other', async () => {
    for (const given of ['/nowhere/chromium', import.meta.filename]) {
      const thrown = await findChromium(() => {}, { CHROMIUM_PATH: given }).catch((error: Error) => error.message);
      expect(thrown).to.equal(`CHROMIUM_PATH is set, but ${given} is not a program that can be run`);
    }
  });
});

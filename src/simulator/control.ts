// The hands on the simulator: what a test in the same process, the control API and the handset page may do. One object
// for all three, so that whatever a test can arrange can be shown in a demo, and the other way round.

import type { CustomerAnswer } from './customer.ts';
import { answerPrompt, settlePush } from './customer.ts';
import { mpesaReceipt } from './daraja-ids.ts';
import type { FaultRule } from './faults.ts';
import { normal } from './faults.ts';
import type { Push, SentCallback } from './ledger.ts';
import type { OutcomeRule } from './outcomes.ts';
import { callbackFacts, callbackShape, plannedCallback } from './plan-callbacks.ts';
import type { RecordControl } from './record-control.ts';
import { createRecordControl } from './record-control.ts';
import type { App, Shortcode } from './registry.ts';
import { allProducts } from './registry.ts';
import { sendCallback } from './send-callback.ts';
import type { Settings } from './settings.ts';
import { defaultSettings, settingsSchema } from './settings.ts';
import type { World } from './world.ts';

/** Which push: its CheckoutRequestID, its serial, or the newest (open one first) of a phone. */
export interface PushChoice {
  checkoutRequestId?: string | undefined;
  serial?: number | undefined;
  phone?: string | undefined;
}

/** What a forced callback claims; anything left out is the truth as the push has it. */
export interface CallbackClaim {
  resultCode?: string | undefined;
  amount?: number | undefined;
  receipt?: string | null | undefined;
  phone?: string | undefined;
  merchantRequestId?: string | undefined;
  checkoutRequestId?: string | undefined;
  /** Sent as it is, instead of a body made from the rest. */
  body?: string | undefined;
  /** Where to, instead of the push's own CallBackURL. */
  url?: string | undefined;
}

export interface SimulatorControl {
  readonly settings: Readonly<Settings>;
  changeSettings(changes: Partial<Settings>): void;
  /** For a phone, an amount, or the next pushes: a result code, `ask` or `silent`. */
  setOutcome(rule: OutcomeRule): void;
  clearOutcomes(): void;
  setFault(rule: FaultRule): void;
  clearFaults(): void;
  /** Pushes whose prompt is on a phone now, oldest first. */
  openPrompts(): Push[];
  /** Throws a RangeError when no such prompt is open. */
  answer(which: PushChoice, answer: CustomerAnswer): Push;
  /** Gives a push its result now, prompt or not, and sends its callbacks. */
  settle(which: PushChoice, resultCode: string): Promise<Push>;
  /** Sends a callback now, true or false, as often as it is called; the push itself does not change. */
  sendCallback(which: PushChoice, claim?: CallbackClaim): Promise<SentCallback>;
  registerApp(app: Pick<App, 'consumerKey' | 'consumerSecret'> & { products?: string[] | undefined }): void;
  registerShortcode(
    shortcode: Pick<Shortcode, 'shortcode' | 'passkey' | 'kind'> & {
      till?: string | undefined;
      name?: string | undefined;
    },
  ): void;
  /** M-PESA's record, and the feeds that tell of it. */
  readonly record: RecordControl;
  /** Makes every token given so far invalid. */
  expireTokens(): void;
  /** Resolves when no callback or confirmation is on its way. */
  callbacksDone(): Promise<void>;
  /** As after the start: no pushes, no rules, no tokens, settings as they were given. */
  reset(): void;
}

export function createControl(world: World, firstSettings: Settings): SimulatorControl {
  function find(which: PushChoice): Push {
    const push =
      which.checkoutRequestId !== undefined
        ? world.ledger.findPush(which.checkoutRequestId)
        : which.serial !== undefined
          ? world.ledger.findPushBySerial(which.serial)
          : (world.ledger.findOpenPush(which.phone ?? '') ?? world.ledger.pushesOf(which.phone ?? '').at(-1));
    if (push === undefined) throw new RangeError('There is no such push.');
    return push;
  }

  return {
    get settings() {
      return world.settings;
    },
    changeSettings(changes) {
      world.settings = checkedSettings(world.settings, changes);
      world.ledger.changed();
    },
    setOutcome: (rule) => world.outcomes.add(rule),
    clearOutcomes: () => world.outcomes.clear(),
    setFault(rule) {
      world.dials.set(rule);
      world.ledger.changed();
    },
    clearFaults() {
      world.dials.clear();
      world.ledger.changed();
    },
    openPrompts: () => world.ledger.openPrompts(),
    answer(which, answer) {
      const push = find(which);
      answerPrompt(world, push, answer);
      return push;
    },
    async settle(which, resultCode) {
      const push = find(which);
      if (push.result !== null) throw new RangeError('This push has its result already.');
      await settlePush(world, push, resultCode, `Result ${resultCode}, by hand`);
      return push;
    },
    sendCallback: (which, claim = {}) => forceCallback(world, find(which), claim),
    registerApp: ({ products = [...allProducts], ...app }) =>
      world.registry.addApp({ ...app, products: [...products] }),
    registerShortcode({ till, name, ...shortcode }) {
      const known = till ?? null;
      const spoken = name ?? (known === null ? `PAYBILL ${shortcode.shortcode}` : `TILL ${known}`);
      world.registry.addShortcode({ ...shortcode, till: known, name: spoken });
    },
    record: createRecordControl(world),
    expireTokens: () => world.registry.expireTokens(),
    async callbacksDone() {
      while (world.sending.size > 0) await Promise.all(world.sending);
    },
    reset() {
      world.timers.cancelAll();
      world.nextSteps.clear();
      world.held.length = 0;
      world.queryTimes.clear();
      world.outcomes.clear();
      world.dials.clear();
      world.recordFaults.clear();
      world.book.clear();
      world.registry.clear();
      world.settings = firstSettings;
      world.ledger.clear();
    },
  };
}

/** Throws a ZodError when a setting has an unknown name or an impossible value. */
export function checkedSettings(base: Settings, changes: Partial<Settings>): Settings {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return settingsSchema.parse({ ...base, ...given });
}

export function startSettings(...layers: (Partial<Settings> | undefined)[]): Settings {
  return layers.reduce<Settings>((settings, layer) => checkedSettings(settings, layer ?? {}), defaultSettings);
}

function forceCallback(world: World, push: Push, claim: CallbackClaim): Promise<SentCallback> {
  const now = world.timers.now();
  const result = push.result ?? { code: '0', at: now, receipt: null, by: 'control' };
  const truth = callbackFacts(push, result);
  const code = claim.resultCode ?? truth.code;
  const facts = {
    ...truth,
    code,
    amount: claim.amount ?? truth.amount,
    receipt: claim.receipt === undefined ? (truth.receipt ?? mpesaReceipt(now)) : claim.receipt,
    phone: claim.phone ?? truth.phone,
    merchantRequestId: claim.merchantRequestId ?? truth.merchantRequestId,
    checkoutRequestId: claim.checkoutRequestId ?? truth.checkoutRequestId,
  };
  const planned = plannedCallback(facts, callbackShape(world.settings, normal), push.request.shortcode, 0);
  const callback = claim.body === undefined ? planned : { ...planned, body: claim.body };
  return sendCallback(world, push, callback, 'forced', claim.url ?? push.request.callbackUrl);
}

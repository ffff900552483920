// Plays the four payments one after the other on a stage, telling what happens, and then whether the merchant was told
// of it all by webhook. Used by `npm run demo` and by test/flows/demo.test.ts, which plays it faster.

import { type Narrator, type Story, stories } from './four-payments.ts';
import { createMerchant, type Merchant, type Payment } from './merchant.ts';
import { type Ending, endingTable, seconds, sentenceFor, timelineLines, wordFor } from './report.ts';
import type { Stage } from './stage.ts';
import type { Screen } from './terminal.ts';
import { heardWords, isAbout, settleTold, type Told, toldLines } from './told.ts';

/** The last webhook of a payment comes a moment after the news over the API. */
const lastWebhookMs = 2000;

export interface Played {
  endings: readonly Ending[];
  told: Told;
  endpointId: string;
}

/** @throws what `signal` was aborted with, when it was */
export async function runDemo(stage: Stage, screen: Screen, signal: AbortSignal): Promise<Played> {
  const { receiver } = stage;
  const merchant = createMerchant(stage.apiUrl, stage.apiKey, signal);
  const { id: endpointId, secret } = await merchant.registerEndpoint(receiver.url);
  receiver.trust(secret);
  receiver.failOnceAt(({ type }) => type === 'payment.succeeded');
  const endings: Ending[] = [];
  for (const [index, story] of stories.entries()) {
    const { amount, phone, reference } = story.request;
    screen.line();
    screen.line(
      `${screen.paint('bold', `${index + 1}. ${story.title}`)}  ${screen.paint('dim', `${reference}, KES ${amount}, ${phone}`)}`,
    );
    endings.push(await playStory(stage, screen, merchant, story, signal));
  }
  screen.line();
  for (const line of endingTable(screen, endings)) screen.line(line);
  const payments = endings.map(({ payment }) => payment);
  const told = await settleTold(merchant, receiver, endpointId, payments, signal);
  screen.line();
  for (const line of toldLines(screen, told, receiver.url)) screen.line(line);
  const problems = [
    ...endings.flatMap(({ payment, problems: own }) => own.map((problem) => `${payment.reference} ${problem}`)),
    ...told.problems,
  ];
  for (const problem of problems) screen.line(screen.paint('bad', `should be so, and is not: ${problem}`));
  return { endings, told, endpointId };
}

async function playStory(
  stage: Stage,
  screen: Screen,
  merchant: Merchant,
  story: Story,
  signal: AbortSignal,
): Promise<Ending> {
  const { request } = story;
  const { receiver, simulator } = stage;
  const narrator = createNarrator(screen);
  receiver.onHeard((heard) => narrator.hears(heardWords(screen, heard)));
  const payment = await story.play({ request, merchant, simulator, narrator, signal });
  await receiver.until(() => signal.aborted || receiver.heard.some((heard) => isAbout(heard, payment)), lastWebhookMs);
  const problems = story.truths(payment).flatMap(([isTrue, sentence]) => (isTrue ? [] : [sentence]));
  const ending: Ending = { payment, timeline: await merchant.timeline(payment.id), problems };
  screen.line(screen.paint('dim', `   GET /v1/payments/${payment.id}/timeline`));
  for (const line of timelineLines(screen, ending)) screen.line(`   ${line}`);
  return ending;
}

function createNarrator(screen: Screen): Narrator & { hears(what: string): void } {
  const startedAt = Date.now();
  const say = (who: string, what: string): void => {
    const at = seconds(Date.now() - startedAt).padStart(6);
    screen.line(`   ${screen.paint('dim', at)}  ${who.padEnd(11)}${what}`);
  };
  return {
    became(payment: Payment) {
      const { word, tone } = wordFor(payment.status);
      say('API', `${screen.paint(tone, word)} (${payment.status}): ${sentenceFor(payment)}`);
    },
    refused: (why) => say('API', `refuses: ${why}`),
    does: (what) => say('merchant', what),
    aside: (what) => say('simulator', what),
    hears: (what) => say('webhook', what),
  };
}

// `npm run demo`: the whole gateway in a minute, with nothing installed but Node. A gateway with its console, a simulator
// of Daraja and a merchant's receiver of webhooks in this process, four payments that end in four ways, and then it
// stays, so that you can go on by hand. `--seed N` puts a past of N payments before them, so that the console has
// something to show. `--once` ends after the four, with exit status 0 only if each ended as it should and every webhook
// arrived.

import { parseArgs } from 'node:util';
import { openReceiver, type Receiver } from './demo/receiver.ts';
import { type Played, runDemo } from './demo/run-demo.ts';
import { seedPast } from './demo/seed/seed-past.ts';
import { openStage, type Stage } from './demo/stage.ts';
import { createScreen, type Screen, wantsColour } from './demo/terminal.ts';
import { heardWords } from './demo/told.ts';

const mostSeeded = 100_000;
const usage = `usage: npm run demo [-- options]
  --once    end after the four payments, exit status 0 if all is well
  --seed N  fill the console with N past payments first, at most ${mostSeeded}; some 15 s for each 10000`;
/** Daraja takes its time; a demo need not. */
const speed = 3;

function showStage(screen: Screen, stage: Stage): void {
  screen.line(
    screen.paint('bold', 'Lango demo') + ': a gateway and a simulated M-PESA in one process. No real money moves.',
  );
  screen.line(`  gateway    ${stage.apiUrl}  (SQLite, nothing else running)`);
  screen.line(`  simulator  ${stage.handsetUrl}  (Daraja's delays, ${speed} times shorter)`);
  screen.line(`  merchant   ${stage.tenantName}, paybill ${stage.shortcode}, an API key of its own`);
  screen.line(`  webhooks   ${stage.receiver.url}  (the merchant's own server)`);
  screen.line(`  folder     ${stage.folder}  (database and lango.log; removed at the end)`);
}

/** @throws UsageError for anything but a number that can be meant */
function readSeed(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= mostSeeded) return Number(text);
  throw new UsageError(`--seed is a whole number from 1 to ${mostSeeded}`);
}

class UsageError extends Error {}

/** The past of other merchants. Their endpoints are at a receiver of their own, so that what is sent again arrives. */
async function fillPast(screen: Screen, stage: Stage, payments: number, signal: AbortSignal): Promise<Receiver> {
  screen.line();
  screen.line(screen.paint('bold', `A past of ${payments} payments in eight days`));
  const receiver = await openReceiver();
  const step = Math.max(1000, Math.ceil(payments / 10));
  let told = 0;
  try {
    const { merchants } = await seedPast(stage.core, {
      payments,
      mode: 'test',
      signal,
      endpointUrl: (name) => new URL(`/${name}`, receiver.url).href,
      onProgress({ done, total, what }) {
        if (done < told + step && done < total) return;
        told = done < total ? done : 0;
        screen.line(screen.paint('dim', `  ${done} of ${total} ${what}`));
      },
    });
    for (const { endpoint, secret } of merchants.flatMap(({ endpoints }) => endpoints))
      receiver.trust(secret, new URL(endpoint.url).pathname);
    screen.line(`  of ${merchants.map(({ name }) => name).join(', ')}`);
    return receiver;
  } catch (thrown) {
    await receiver.close();
    throw thrown;
  }
}

async function showConsole(screen: Screen, stage: Stage): Promise<void> {
  screen.line();
  screen.line(screen.paint('bold', 'The console: open this once, it makes you its owner'));
  screen.line(`  ${await stage.makeOwnerLink()}`);
}

function showWhatToOpen(screen: Screen, stage: Stage, { endpointId, told }: Played): void {
  const authorization = `-H 'Authorization: Bearer ${stage.apiKey}'`;
  const body = JSON.stringify({ amount: 500, phone: '254708374149', reference: 'FIRST-1' });
  const lost = JSON.stringify({ phone: '254722000104' });
  const headed = (title: string, ...lines: string[]): void => {
    screen.line();
    screen.line(screen.paint('bold', title));
    for (const line of lines) screen.line(`  ${line}`);
  };
  headed(
    'Take a payment; the same line again shows how it stands (same Idempotency-Key, same payment)',
    `curl -s ${stage.apiUrl}/v1/payments ${authorization} -H 'Content-Type: application/json' -H 'Idempotency-Key: first-1' -H 'Prefer: wait=10' -d '${body}'`,
  );
  headed('List them', `curl -s ${stage.apiUrl}/v1/payments ${authorization}`);
  headed(
    'Let the callback of DEMO-4 arrive after all, then list again: it is paid',
    `curl -s ${stage.handsetUrl}/control/callbacks -H 'Content-Type: application/json' -d '${lost}'`,
  );
  headed(
    'Look at the webhooks: what was sent, and of one of them every attempt with its answer',
    `curl -s ${stage.apiUrl}/v1/webhook-endpoints/${endpointId}/deliveries ${authorization}`,
    `curl -s ${stage.apiUrl}/v1/deliveries/${told.retried?.delivery.id ?? 'whd_…'} ${authorization}`,
  );
  headed(
    'Send them to a receiver of your own as well, signed, while this runs',
    `DATA_DIR=${stage.folder} npm run -s lango -- listen --tenant ${stage.tenantId} --forward-to http://localhost:3000`,
  );
  headed(
    'Open',
    `${stage.handsetUrl}  the handset: ask a number of your own for money, and answer its prompt here`,
    `${stage.apiUrl}/docs  the API, for people; /openapi.json is for machines`,
    `${stage.apiUrl}/console?mode=test  the console, once its owner is made by the link above`,
  );
}

/** From now on a line for each webhook, as it arrives. */
function showWebhooks(screen: Screen, stage: Stage): void {
  stage.receiver.onHeard((heard) => {
    const at = new Date().toTimeString().slice(0, 8);
    screen.line(`${screen.paint('dim', at)}  webhook  ${heardWords(screen, heard)}`);
  });
}

const isWellDone = ({ endings, told }: Played): boolean =>
  told.problems.length === 0 && endings.every(({ problems }) => problems.length === 0);

/** Resolves at Ctrl-C or SIGTERM; `signal` is aborted then. */
function listenForTheEnd(): { signal: AbortSignal; asked: Promise<void> } {
  const controller = new AbortController();
  const asked = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        controller.abort(new Error('stopped before the four payments had ended'));
        resolve();
      });
    }
  });
  return { signal: controller.signal, asked };
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: 'boolean' }, seed: { type: 'string' } } });
  const isOnce = values.once === true;
  const seeded = readSeed(values.seed);
  const screen = createScreen((text) => process.stdout.write(text), wantsColour(process.stdout, process.env));
  const end = listenForTheEnd();
  const stage = await openStage({ speed, apiPort: 8080, handsetPort: 8090 });
  let isWell = false;
  let others: Receiver | null = null;
  try {
    showStage(screen, stage);
    if (seeded > 0) others = await fillPast(screen, stage, seeded, end.signal);
    await showConsole(screen, stage);
    const playedSince = Date.now();
    const played = await runDemo(stage, screen, end.signal);
    isWell = isWellDone(played);
    const took = Math.round((Date.now() - playedSince) / 1000);
    screen.line();
    screen.line(
      isWell
        ? `All four ended as they should and every webhook arrived, in ${took} s.`
        : screen.paint('bad', 'Not everything was as it should be.'),
    );
    if (!isOnce) {
      showWhatToOpen(screen, stage, played);
      showWebhooks(screen, stage);
      screen.line();
      screen.line('Serving until Ctrl-C; webhooks of your payments appear here as they arrive.');
      await end.asked;
    }
  } finally {
    const keepFolder = !isWell && !end.signal.aborted;
    await stage.close({ keepFolder });
    await others?.close();
    if (keepFolder) screen.line(`The log is kept: ${stage.logFile}`);
  }
  return isWell ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  const isUnread = thrown instanceof TypeError && 'code' in thrown && String(thrown.code).startsWith('ERR_PARSE_ARGS');
  const isUsage = isUnread || thrown instanceof UsageError;
  if (isUsage) process.stderr.write(`${usage}\n`);
  process.exitCode = isUsage ? 2 : 1;
}

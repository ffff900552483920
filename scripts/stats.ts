// `lango stats rebuild`: counts the statistics of the console again, from the transitions that are the truth. It may run
// beside the server, and one that is broken off is gone on with by the next, or by the worker. While it runs, Home shows
// the newest payments first and the past as it fills in.

import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { Core } from '../src/compose.ts';
import { beginRebuild, countTransitions, rebuildStep } from '../src/payments/hourly-stats-relay.ts';
import { print, withCore } from './command-line.ts';

/** Another process counts for some milliseconds at a time. */
const waitMs = 50;
const sayEvery = 20;

export function addStatsCommands(program: Command): void {
  const stats = program.command('stats').description('the statistics that the console’s Home is read from');
  stats
    .command('rebuild')
    .description('count them again from what happened; resumable, beside a running server')
    .addOption(new Option('--json', 'print one JSON object'))
    .action((options) => withCore((core) => rebuild(core, options)));
}

async function rebuild(core: Core, options: { json?: boolean }): Promise<void> {
  let begun = await beginRebuild(core);
  for (; begun === 'waits'; begun = await beginRebuild(core)) await pause(waitMs);
  const say = (words: string): void => {
    if (options.json !== true) process.stderr.write(`${words}\n`);
  };
  if (begun === 'resumed') say('Going on with a rebuild that was begun before.');
  let payments = 0;
  for (let steps = 1; ; steps += 1) {
    const step = await rebuildStep(core);
    payments += step.payments;
    if (step.state === 'done') break;
    if (step.state === 'waits') await pause(waitMs);
    else if (steps % sayEvery === 0) say(`${payments} payments counted …`);
  }
  // What happened while it ran.
  while ((await countTransitions(core)) > 0);
  print(
    options,
    { resumed: begun === 'resumed', payments },
    `The statistics are rebuilt: ${payments} payments counted.`,
  );
}

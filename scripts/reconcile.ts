// `lango reconcile run`: reconciles one day of a shortcode, as the server does every night and after each import. It may
// run beside a server, and again at any time: what is found again is not told again.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Core } from '../src/compose.ts';
import { readDenial } from '../src/mpesa/result-codes.ts';
import { isDay } from '../src/reconciliation/nairobi-days.ts';
import { type DayReconciled, reconcileDay } from '../src/reconciliation/reconcile-day.ts';
import { print, withCore } from './command-line.ts';

interface Options {
  shortcode: string;
  date: string;
  json?: boolean;
}

export function addReconcileCommands(program: Command): void {
  const reconcile = program.command('reconcile').description('hold payments against M-PESA’s own record');
  reconcile
    .command('run')
    .description('reconcile a day: match its lines, and look for what is missing on either side')
    .requiredOption('--shortcode <id>', 'whose day')
    .requiredOption('--date <day>', 'a day of Nairobi, YYYY-MM-DD', readDay)
    .addOption(new Option('--json', 'print one JSON object'))
    .action((options: Options) => withCore((core) => run(core, options)));
}

function readDay(text: string): string {
  if (!isDay(text)) throw new InvalidArgumentError('It must be a day, YYYY-MM-DD.');
  return text;
}

async function run(core: Core, options: Options): Promise<void> {
  // Whoever waits for a payment, and its webhooks, find by themselves what is settled here.
  const deps = { ...core, random: Math.random, readDenial, announce: () => undefined };
  const told = await reconcileDay(deps, { shortcodeId: options.shortcode, day: options.date });
  print(options, told, wordsOf(told, options.date));
}

function wordsOf({ matched, suggested, expected, discrepancies }: DayReconciled, day: string): string {
  const found = Object.entries(discrepancies).map(([type, count]) => `  ${type.padEnd(22)} ${count}`);
  const counts = `${day}: ${matched} matched, ${suggested} suggested, ${expected} not yet told by M-PESA.`;
  return [counts, ...(found.length === 0 ? ['Nothing differs.'] : ['What differs:', ...found])].join('\n');
}

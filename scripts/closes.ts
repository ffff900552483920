// `lango closes …`: the books of a shortcode, closed day by day; whether they are as they were closed; and a day as a file.
// Run on the server itself, so whoever can run them is trusted as an owner, but for a second person's agreement: a day that
// does not add up is asked for here and agreed to in the console.

import { type Command, Option } from 'commander';
import type { Core } from '../src/compose.ts';
import { closeDayAs } from '../src/console/close-acts.ts';
import { closeSections, writeCloseCsv } from '../src/console/close-table.ts';
import { shortcodeName } from '../src/console/shortcode-view.ts';
import { getShortcode } from '../src/mpesa/manage-shortcodes.ts';
import { readBody } from '../src/reconciliation/close.ts';
import { type ClosePreview, previewClose } from '../src/reconciliation/close-day.ts';
import { findCloseOfDay } from '../src/reconciliation/close-store.ts';
import { verifyCloses } from '../src/reconciliation/verify-closes.ts';
import { actDeps, byCommand, print, withCore } from './command-line.ts';

const json = new Option('--json', 'print one JSON object');

interface DayOptions {
  shortcode: string;
  date: string;
  json?: boolean;
}

export function addCloseCommands(program: Command): void {
  const closes = program.command('closes').description('the books of a shortcode, closed day by day');

  const ofDay = (name: string): Command =>
    closes
      .command(name)
      .requiredOption('--shortcode <id>', 'whose books')
      .requiredOption('--date <day>', 'a day of Nairobi, YYYY-MM-DD');

  ofDay('make')
    .description('close a day; one that does not add up is asked for, and a second person agrees in the console')
    .option('--reason <reason>', 'why; needed where it does not add up')
    .option('--dry-run', 'say what it would write, and write nothing', false)
    .addOption(json)
    .action((options) => withCore((core) => make(core, options)));

  ofDay('export')
    .description('a closed day as CSV, on standard output')
    .action((options) => withCore((core) => exportDay(core, options)));

  closes
    .command('verify')
    .description('check every closed day; exit 1 and the first broken one if they are not as they were closed')
    .option('--shortcode <id>', 'only its books')
    .addOption(json)
    .action((options) => withCore((core) => verify(core, options)));
}

async function make(core: Core, options: DayOptions & { reason?: string; dryRun: boolean }): Promise<void> {
  const preview = await previewClose(core, options.shortcode, options.date);
  const { day, isClean, variance, criticalOpen } = preview.draft;
  const figures = { date: day, clean: isClean, variance_cents: variance.totalCents, critical_open: criticalOpen };
  if (options.dryRun) {
    const words = [
      wordsOf(preview),
      ...(preview.obstacle === null ? [] : [`It cannot be closed now: ${preview.obstacle}`]),
    ];
    return print(options, { ...figures, obstacle: preview.obstacle, draft: preview.draft }, words.join('\n'));
  }
  const deps = { ...actDeps(core), sealer: core.sealer, needsTwoPersons: core.config.needsTwoPersons };
  const outcome = await closeDayAs(deps, byCommand(), preview, options.reason ?? '');
  switch (outcome.outcome) {
    case 'closed': {
      const { id, hash } = outcome.close;
      return print(options, { status: 'closed', id, ...figures, hash }, `${day} is closed. Its hash is ${hash}.`);
    }
    case 'asked': {
      const words = `${wordsOf(preview)}\n${day} is not closed yet: a second person agrees in the console within a day.`;
      return print(options, { status: 'asked', approval: outcome.approval.id, ...figures }, words);
    }
    case 'waiting':
      throw new Error(`${day} waits for a second person already: see Reconciliation in the console.`);
    case 'changed':
      throw new Error(`${day} changed while it was being closed. Run this again.`);
    default:
      outcome satisfies never;
  }
}

/** What the books say, as a list for people. */
function wordsOf({ draft }: ClosePreview): string {
  const kes = (cents: number | null): string => (cents === null ? '' : (cents / 100).toFixed(2));
  return closeSections(draft)
    .flatMap(({ title, rows }) => [
      title,
      ...rows.map(({ item, count, cents, note }) =>
        `  ${item.padEnd(56)} ${String(count ?? '').padStart(7)} ${kes(cents).padStart(15)}  ${note ?? ''}`.trimEnd(),
      ),
    ])
    .join('\n');
}

async function exportDay(core: Core, { shortcode: shortcodeId, date }: DayOptions): Promise<void> {
  const shortcode = await getShortcode(core, shortcodeId);
  const close = await findCloseOfDay(core.db, shortcodeId, date);
  if (close === undefined) throw new Error(`${date} is not closed.`);
  process.stdout.write(writeCloseCsv(close, readBody(close), shortcodeName(shortcode)));
}

async function verify(core: Core, options: { shortcode?: string; json?: boolean }): Promise<void> {
  const verdict = await verifyCloses(core.db, options.shortcode ?? null);
  if (verdict.isIntact) {
    const { days } = verdict;
    const words = days === 1 ? '1 closed day is as it was closed.' : `${days} closed days are as they were closed.`;
    return print(options, { intact: true, days }, words);
  }
  process.exitCode = 1;
  const { shortcodeId, day, why } = verdict;
  const words = `The books of ${shortcodeId} are broken at ${day}: ${why}.`;
  print(options, { intact: false, shortcode: shortcodeId, date: day, why }, words);
}

// `lango statements import`: reads a statement's file, imports it and reconciles its days; with --dry-run it only says what
// an import would bring. Beside a running server it does no harm: lines come in some hundreds at a time, and what an
// interrupted import left undone is done by the server or by the next run.

import { createReadStream, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { Core } from '../src/compose.ts';
import { importStatementAs, previewStatementAs } from '../src/console/statement-acts.ts';
import { getShortcode } from '../src/mpesa/manage-shortcodes.ts';
import { readDenial } from '../src/mpesa/result-codes.ts';
import type { Shortcode } from '../src/mpesa/shortcode-store.ts';
import { runImport } from '../src/reconciliation/import-statement.ts';
import type { MatchDeps } from '../src/reconciliation/match-lines.ts';
import { tryStatement } from '../src/reconciliation/preview-statement.ts';
import { reconcileDay } from '../src/reconciliation/reconcile-day.ts';
import type { Statement, StatementSummary } from '../src/reconciliation/statement.ts';
import { countFates } from '../src/reconciliation/statement-line-store.ts';
import { actDeps, byCommand, print, withCore } from './command-line.ts';

interface Options {
  shortcode: string;
  file: string;
  dryRun?: boolean;
  json?: boolean;
}

/** What the command answers (api.md, Command line). */
interface Answer {
  id: string | null;
  rows: number;
  lines_new: number;
  lines_known: number;
  matched: number;
  suggested: number;
  errors: StatementSummary['errors']['listed'];
}

export function addStatementCommands(program: Command): void {
  const statements = program.command('statements').description('M-PESA’s own lists of what it moved');
  statements
    .command('import')
    .description('take a statement exported from the organisation portal: .csv, .xls or .xlsx')
    .requiredOption('--shortcode <id>', 'whose statement it is')
    .requiredOption('--file <file>', 'as the portal exported it')
    .option('--dry-run', 'only say what is in it and what would be new')
    .addOption(new Option('--json', 'print one JSON object'))
    .action((options: Options) =>
      withCore(async (core) => {
        const shortcode = await getShortcode(core, options.shortcode);
        if (!existsSync(options.file) || !statSync(options.file).isFile()) throw new Error('there is no such file');
        const answer =
          options.dryRun === true ? await tryOut(core, shortcode, options) : await take(core, shortcode, options);
        print(options, answer, words(answer, options.dryRun === true));
      }),
    );
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function tryOut(core: Core, shortcode: Shortcode, { file }: Options): Promise<Answer> {
  const upload = { shortcode, fileName: path.basename(file) };
  const { contents, known } = await tryStatement(core, upload, () => createReadStream(file));
  if (known !== undefined) say(knownWords(known));
  const { rows, lines, known: lines_known, errors } = contents.summary;
  const lines_new = Math.max(0, lines - lines_known);
  return { id: known?.id ?? null, rows, lines_new, lines_known, matched: 0, suggested: 0, errors: errors.listed };
}

async function take(core: Core, shortcode: Shortcode, { file }: Options): Promise<Answer> {
  const deps = { ...core, ...actDeps(core) };
  const upload = { fileName: path.basename(file), bytes: createReadStream(file) };
  const { statement, isKnown } = await previewStatementAs(deps, byCommand(), shortcode, upload);
  if (isKnown) say(knownWords(statement));
  if (isKnown && statement.status === 'imported' && statement.leaseUntil === null) {
    const { id, rows, summary } = statement;
    const nothingNew = { lines_new: 0, lines_known: summary.lines };
    return { id, rows, ...nothingNew, ...(await matchesOf(core, id)), errors: summary.errors.listed };
  }
  const claim = await importStatementAs(deps, byCommand(), statement.id);
  const matching = matchDeps(core);
  const done = await runImport({ ...core, reconcileDay: (day) => reconcileDay(matching, day) }, claim, {
    onProgress: sayProgress(statement.rows),
  });
  const { id, rows, linesNew, linesKnown, summary } = done;
  const counts = { lines_new: linesNew, lines_known: linesKnown };
  return { id, rows, ...counts, ...(await matchesOf(core, id)), errors: summary.errors.listed };
}

/** Whoever waits for a payment, and its webhooks, find by themselves what is settled here. */
function matchDeps(core: Core): MatchDeps {
  return { ...core, random: Math.random, readDenial, announce: () => undefined };
}

async function matchesOf({ db }: Core, statementId: string): Promise<{ matched: number; suggested: number }> {
  const { matched, suggested } = await countFates(db, statementId);
  return { matched, suggested };
}

function sayProgress(rows: number): (rowsDone: number) => void {
  let said = 0;
  return (rowsDone) => {
    const tenths = rows === 0 ? 10 : Math.floor((rowsDone / rows) * 10);
    if (tenths <= said) return;
    said = tenths;
    say(`${rowsDone} of ${rows} rows are in …`);
  };
}

function knownWords({ id, status, createdAt }: Statement): string {
  const day = new Date(createdAt).toISOString().slice(0, 10);
  return `This very file was given on ${day}; it is statement ${id}, ${status}.`;
}

function words({ id, rows, lines_new, lines_known, matched, suggested, errors }: Answer, isDryRun: boolean): string {
  const counts = isDryRun
    ? `${rows} rows: ${lines_new} lines would be new, ${lines_known} are known. Nothing was kept.`
    : `Statement ${id}: ${rows} rows, ${lines_new} new lines, ${lines_known} known; ${matched} matched, ${suggested} suggested.`;
  return [counts, ...errors.map(({ line, detail }) => `Line ${line}: ${detail}`)].join('\n');
}

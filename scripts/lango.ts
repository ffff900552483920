// The `lango` command (api.md, Command line). Each command reads the configuration, calls one use case and prints what it
// answered: one JSON object with --json, words for people otherwise. What changes something is written down in the audit
// log. Errors go to standard error, exit status 1; wrong usage is 2, wrong configuration 78.

import { Command, InvalidArgumentError, Option } from 'commander';
import { readConfig } from '../src/config.ts';
import { createKeyAs, revokeKeyAs } from '../src/console/key-acts.ts';
import { addShortcodeAs, changeShortcodeStatusAs } from '../src/console/shortcode-acts.ts';
import { changeTenantStatusAs, createTenantAs } from '../src/console/tenant-acts.ts';
import { serveUntilSignal } from '../src/main.ts';
import { systemClock } from '../src/platform/clock.ts';
import { openDatabase } from '../src/platform/database.ts';
import { createLogger } from '../src/platform/logger.ts';
import { migrate } from '../src/platform/migrate.ts';
import { createSimulator } from '../src/simulator/simulator.ts';
import { addCloseCommands } from './closes.ts';
import {
  actDeps,
  byCommand,
  list,
  parseJson,
  print,
  readStandardInput,
  report,
  wholeNumber,
  withCore,
} from './command-line.ts';
import { addDoctorCommand } from './doctor.ts';
import { addFeedCommands } from './feeds.ts';
import { addListenCommand } from './listen.ts';
import { addOperatorCommands } from './operators.ts';
import { addReconcileCommands } from './reconcile.ts';
import { addMasterKeyCommands } from './rotate-master-key.ts';
import { addStatementCommands } from './statements.ts';
import { addStatsCommands } from './stats.ts';

// The database, the key and the spool are nobody else's to read.
process.umask(0o077);

const program = new Command('lango')
  .description('A self-hosted M-PESA payment gateway')
  .showHelpAfterError('(add --help for what there is)')
  .exitOverride()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });

const json = new Option('--json', 'print one JSON object');
const mode = new Option('--mode <mode>', 'test or live').choices(['test', 'live']).makeOptionMandatory();

program
  .command('serve')
  .description('start the server: everything in one process unless --roles says otherwise')
  .option('--roles <roles>', 'some of api,console,worker')
  .option('--port <port>', 'where to listen')
  .action(async ({ roles, port }) => {
    process.exitCode = await serveUntilSignal(
      readConfig(process.env, { ...(roles && { ROLES: roles }), ...(port && { PORT: port }) }),
    );
  });

program
  .command('migrate')
  .description('bring the database to the newest schema; forward only, under a lock')
  .addOption(json)
  .action(async (options) => {
    const db = openDatabase(readConfig().databaseUrl);
    try {
      const applied = await migrate(db);
      print(
        options,
        { applied },
        applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`,
      );
    } finally {
      await db.destroy();
    }
  });

program
  .command('simulator')
  .description('start the Daraja simulator and its virtual handset')
  .option('--port <port>', 'where to listen', wholeNumber, 8090)
  .option('--host <host>', 'address to listen on', '127.0.0.1')
  .option('--speed <n>', 'make every delay n times shorter', Number, 1)
  .action(async ({ port, host, speed }) => {
    const { nodeEnv, logLevel } = readConfig();
    const simulator = createSimulator(
      { clock: systemClock, logger: createLogger(logLevel, process.stderr), nodeEnv },
      { pace: 'realistic', speed },
    );
    const { url } = await simulator.listen(port, host);
    process.stdout.write(`Simulator on ${url}: open it for the virtual handset. Ctrl-C ends it.\n`);
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
    await simulator.close();
  });

const tenants = program.command('tenants').description('organisations that take payments');
tenants
  .command('create')
  .requiredOption('--name <name>', 'what it is called')
  .addOption(json)
  .action((options) =>
    withCore(async (core) => {
      const { id } = await createTenantAs(actDeps(core), byCommand(), options.name);
      print(options, { id }, `Tenant ${id} made. Next: lango shortcodes add --tenant ${id} …`);
    }),
  );
for (const [verb, status] of [
  ['disable', 'disabled'],
  ['enable', 'active'],
] as const) {
  tenants
    .command(verb)
    .requiredOption('--id <id>', 'the tenant')
    .option('--reason <reason>', 'why, for the audit log')
    .addOption(json)
    .action((options) =>
      withCore(async (core) => {
        const { id, reason = null } = options;
        const changed = await changeTenantStatusAs(actDeps(core), byCommand(), id, status, reason);
        print(options, changed, `Tenant ${changed.id} is ${changed.status}.`);
      }),
    );
}

const shortcodes = program.command('shortcodes').description('paybills and tills, with their Daraja credentials');
shortcodes
  .command('add')
  .requiredOption('--tenant <id>', 'whose it is')
  .addOption(mode)
  .addOption(new Option('--kind <kind>', 'paybill or till').choices(['paybill', 'till']).makeOptionMandatory())
  .requiredOption('--shortcode <number>', 'the paybill, or the till’s store number')
  .option('--till <number>', 'the till number')
  .addOption(
    new Option(
      '--environment <name>',
      'where its pushes go; default: simulator in test mode, production in live mode',
    ).choices(['simulator', 'sandbox', 'production']),
  )
  .option('--default', 'use it where a payment names none', false)
  .requiredOption(
    '--credentials <source>',
    '`-`: JSON with consumer_key, consumer_secret and passkey on standard input',
  )
  .addOption(json)
  .action((options) =>
    withCore(async (core) => {
      if (options.credentials !== '-')
        throw new InvalidArgumentError(
          '--credentials takes only `-`: secrets on a command line end up in the shell’s history.',
        );
      const credentials = parseJson(await readStandardInput());
      const { id } = await addShortcodeAs(
        { ...actDeps(core), sealer: core.sealer, blindIndexKey: core.dataKeys.blindIndex },
        byCommand(),
        {
          tenantId: options.tenant,
          mode: options.mode,
          kind: options.kind,
          shortcode: options.shortcode,
          till: options.till ?? null,
          environment: options.environment ?? null,
          isDefault: options.default,
          credentials,
        },
      );
      print(options, { id }, `Shortcode ${id} added. Its credentials are sealed and will not be shown again.`);
    }),
  );
addFeedCommands(shortcodes);
for (const [verb, status] of [
  ['pause', 'paused'],
  ['resume', 'active'],
] as const) {
  shortcodes
    .command(verb)
    .requiredOption('--id <id>', 'the shortcode')
    .option('--reason <reason>', 'why, for the audit log')
    .addOption(json)
    .action((options) =>
      withCore(async (core) => {
        const { id, reason = null } = options;
        const changed = await changeShortcodeStatusAs(actDeps(core), byCommand(), id, status, reason);
        print(options, changed, `Shortcode ${changed.id} is ${changed.status}.`);
      }),
    );
}

const keys = program.command('keys').description('API keys of client apps');
keys
  .command('create')
  .requiredOption('--tenant <id>', 'whose it is')
  .addOption(mode)
  .requiredOption('--name <name>', 'what uses it')
  .option('--scopes <list>', 'comma-separated; all when left out', list)
  .option('--expires-in-days <n>', 'when it ends', wholeNumber)
  .option('--allow-ip <list>', 'addresses or CIDRs it may be used from, comma-separated', list)
  .addOption(json)
  .action((options) =>
    withCore(async (core) => {
      const made = await createKeyAs({ ...actDeps(core), apiKeyPepper: core.dataKeys.apiKeys }, byCommand(), {
        tenantId: options.tenant,
        mode: options.mode,
        name: options.name,
        scopes: options.scopes ?? [],
        allowedIps: options.allowIp ?? [],
        expiresInDays: options.expiresInDays ?? null,
      });
      print(options, made, `Key ${made.id}, shown this once:\n${made.key}`);
    }),
  );
keys
  .command('revoke')
  .requiredOption('--id <id>', 'the key')
  .option('--reason <reason>', 'why, for the audit log')
  .addOption(json)
  .action((options) =>
    withCore(async (core) => {
      const { id, revokedAt } = await revokeKeyAs(actDeps(core), byCommand(), options.id, options.reason ?? null);
      print(
        options,
        { id, revoked_at: new Date(revokedAt).toISOString() },
        `Key ${id} is revoked; every server refuses it within a second or two.`,
      );
    }),
  );

addOperatorCommands(program);
addListenCommand(program);
addMasterKeyCommands(program);
addStatementCommands(program);
addReconcileCommands(program);
addStatsCommands(program);
addCloseCommands(program);
addDoctorCommand(program);

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = report(thrown);
}

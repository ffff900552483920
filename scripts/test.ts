// `npm test`: types, lint and format, then mocha on both profiles of design.md section 4. `embedded` runs every test but
// those of `browser`, which drive a real Chromium; `production` runs the tests of behaviour again on a real MySQL and
// Redis, in a database and under a key prefix that are made for this run and removed after it. The last line is always
// `N passed, N failed`, and the exit status agrees.

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findChromium, NoChromiumError } from '../test/support/chromium.ts';
import { killChildren, type MochaTally, runCommand, runMocha, type Tally } from '../test/support/run-steps.ts';
import { createDatabase, createRedisPrefix, findServices, NoServicesError } from '../test/support/services.ts';

const usage = `usage: npm test [-- [options] [test files or folders …]]
  --profile embedded|production|browser   only this one (then with exactly the files named)
  -g, --grep PATTERN   -f, --fgrep TEXT   -i, --invert   -b, --bail   --timeout MS    as mocha has them
  --checks | --no-checks          types, lint and format: on for a whole run, off when tests are picked
  --smoke                         also run the demo once`;

const root = path.dirname(import.meta.dirname);
const profileFolders = {
  embedded: ['test/unit', 'test/integration', 'test/flows', 'test/tidy.test.ts'],
  production: ['test/integration', 'test/flows'],
  browser: ['test/browser'],
} as const;
type Profile = keyof typeof profileFolders;
/** Far above what a profile takes, a few minutes: a machine that is busy with something else is no failure. */
const profileLimitMs = 20 * 60_000;
const commandLimitMs = 2 * 60_000;
const mostTriedAgain = 4;

/** The gateway's own settings in the caller's shell must not reach a test. */
const appSettings =
  /^(DATABASE_URL|DATA_DIR|REDIS_|PORT$|HOST$|ROLES$|AUTO_MIGRATE|PUBLIC_URL|MASTER_KEY|DARAJA_|CALLBACK_|TRUSTED_PROXIES|WEBHOOK_|RATE_LIMIT_|PUSH_RATE_|QUERY_RATE_|LOG_LEVEL|NODE_ENV|ALERT_|SMTP_URL|TEST_)/;

interface Options {
  profiles: readonly Profile[];
  /** A profile was named: it runs exactly the files named. */
  isExact: boolean;
  paths: readonly string[];
  mochaArgs: readonly string[];
  withChecks: boolean;
  withSmoke: boolean;
  withSecondTry: boolean;
}

/** Undone in reverse order, whatever happened: the end of the run, an error or a signal. */
const cleanups: (() => Promise<void> | void)[] = [];
const tally: Tally = { passed: 0, failed: 0 };
const closingRemarks: string[] = [];
let isStopping = false;

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      profile: { type: 'string' },
      grep: { type: 'string', short: 'g' },
      fgrep: { type: 'string', short: 'f' },
      invert: { type: 'boolean', short: 'i' },
      bail: { type: 'boolean', short: 'b' },
      timeout: { type: 'string' },
      checks: { type: 'boolean' },
      'no-checks': { type: 'boolean' },
      smoke: { type: 'boolean' },
    },
  });
  const { profile } = values;
  if (profile !== undefined && !isProfile(profile)) throw new Error(`unknown profile ${profile}`);
  const missing = positionals.find((name) => !existsSync(path.join(root, name)));
  if (missing) throw new Error(`no such file or folder: ${missing}`);
  const mochaArgs: string[] = [];
  for (const name of ['grep', 'fgrep', 'timeout'] as const) {
    if (values[name] !== undefined) mochaArgs.push(`--${name}`, values[name]);
  }
  for (const name of ['invert', 'bail'] as const) if (values[name]) mochaArgs.push(`--${name}`);
  const isWhole = positionals.length === 0 && mochaArgs.length === 0 && profile === undefined;
  return {
    profiles: profile ? [profile] : ['embedded', 'production', 'browser'],
    isExact: profile !== undefined,
    paths: positionals,
    mochaArgs,
    withChecks: values['no-checks'] ? false : (values.checks ?? isWhole),
    withSmoke: values.smoke ?? false,
    withSecondTry: isWhole && Boolean(process.env.CI),
  };
}

const isProfile = (name: string): name is Profile => Object.hasOwn(profileFolders, name);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Counts a step when it is done; after a signal nothing follows it, the signal's handler ends the process. */
async function record(step: Promise<Tally>): Promise<void> {
  const { passed, failed } = await step;
  if (isStopping) await new Promise(() => {});
  tally.passed += passed;
  tally.failed += failed;
}

/** The test files of a profile under the paths asked for (all of them when none was), in a fixed order. */
function testFiles(profile: Profile, { paths, isExact }: Options): string[] {
  const folders: readonly string[] = profileFolders[profile];
  const wanted = paths.length > 0 ? paths.map((name) => path.relative(root, path.resolve(root, name))) : folders;
  const files = wanted.flatMap((name) => {
    const full = path.join(root, name);
    if (name.endsWith('.ts')) return existsSync(full) ? [name] : [];
    return readdirSync(full, { recursive: true, encoding: 'utf8' }).map((file) => path.join(name, file));
  });
  const belongs = (file: string): boolean =>
    folders.some((folder) => file === folder || file.startsWith(`${folder}${path.sep}`));
  const picked = files.filter((file) => file.endsWith('.test.ts') && ((isExact && paths.length > 0) || belongs(file)));
  return [...new Set(picked)].sort();
}

async function runChecks(): Promise<void> {
  const bin = (name: string): string => path.join(root, 'node_modules', '.bin', name);
  say('checks');
  const checks = [
    runCommand('types', bin('tsc'), ['--noEmit'], commandLimitMs),
    runCommand(
      'lint and format',
      bin('biome'),
      ['check', '--error-on-warnings', '--max-diagnostics=20', '.'],
      commandLimitMs,
    ),
  ];
  for (const check of checks) await record(check);
}

async function runProfile(profile: Profile, options: Options): Promise<void> {
  const files = testFiles(profile, options);
  if (files.length === 0) {
    if (options.isExact || options.paths.length === 0) throw new Error(`no test files for the profile ${profile}`);
    return;
  }
  const settings = await settingsOf(profile);
  if (!settings) return;
  const folder = mkdtempSync(path.join(os.tmpdir(), `lango-test-${profile}-`));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  cleanups.push(removeFolder);
  const env = { ...plainEnv(), NODE_ENV: 'test', TEST_PROFILE: 'embedded', TEST_DATA_DIR: folder, ...settings };
  const first = runMocha(profile, [...options.mochaArgs, ...files], env, profileLimitMs);
  await record(options.withSecondTry ? first.then((tally) => tryAgain(profile, tally, options, env)) : first);
  removeFolder();
}

/**
 * A build machine has its bad moments: files that failed, a few at most, run once more by themselves. What passes then is
 * counted as passed and named at the end of the run, and so is what was left open, so that both are looked into; what
 * fails twice has failed.
 */
async function tryAgain(
  profile: Profile,
  { passed, failed, failedFiles, leak, isWhole }: MochaTally,
  { mochaArgs }: Options,
  env: NodeJS.ProcessEnv,
): Promise<Tally> {
  if (!isWhole || failedFiles.length > mostTriedAgain) return { passed, failed };
  if (leak !== null) closingRemarks.push(`LEFT OPEN (${profile}): ${leak}`);
  const failedTests = leak === null ? failed : failed - 1;
  if (failedFiles.length === 0) return { passed, failed: failedTests };
  const again = await runMocha(`${profile}, again`, [...mochaArgs, ...failedFiles], env, profileLimitMs);
  if (again.failed > 0) return { passed, failed: failedTests };
  closingRemarks.push(`PASSED ONLY WHEN RUN AGAIN (${profile}): ${failedTests} in ${failedFiles.join(', ')}`);
  return { passed: passed + failedTests, failed: 0 };
}

/** What a profile's tests run on, as their environment; undefined, with a remark, when it cannot be had here. */
async function settingsOf(profile: Profile): Promise<Record<string, string> | undefined> {
  try {
    if (profile === 'production') return await openProduction();
    if (profile === 'browser') return { CHROMIUM_PATH: await findChromium(say) };
    return {};
  } catch (error) {
    if (!(error instanceof NoServicesError || error instanceof NoChromiumError)) throw error;
    const isFatal = Boolean(process.env.CI);
    closingRemarks.push(`THE PROFILE ${profile.toUpperCase()} WAS NOT TESTED: ${error.message}`);
    if (isFatal) tally.failed += 1;
    return undefined;
  }
}

/** Finds the services and makes this run's database and prefix. @throws NoServicesError */
async function openProduction(): Promise<Record<string, string>> {
  const services = await findServices(say);
  cleanups.push(() => services.stop());
  const database = await createDatabase(services.mysql);
  cleanups.push(() => database.drop());
  const redis = createRedisPrefix(services.redis);
  cleanups.push(() => redis.clear());
  say(`production runs on ${services.mysql.description} and ${services.redis.description}`);
  return {
    TEST_PROFILE: 'production',
    TEST_DATABASE_URL: database.url,
    TEST_REDIS_URL: services.redis.url,
    TEST_REDIS_PREFIX: redis.prefix,
  };
}

function plainEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !appSettings.test(name)));
}

async function runSmoke(): Promise<void> {
  say('smoke');
  const bootstrap = path.join(root, 'scripts', 'bootstrap.mjs');
  const args = [bootstrap, 'demo', '--once'];
  await record(runCommand('npm run demo -- --once', process.execPath, args, commandLimitMs, plainEnv()));
}

async function cleanUp(): Promise<void> {
  for (const undo of cleanups.splice(0).reverse()) {
    try {
      await undo();
    } catch (error) {
      say(`cleaning up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Ctrl-C: the tests die first, then what this run made is removed; a second one does not wait. */
function onSignal(signal: NodeJS.Signals): void {
  const status = 128 + os.constants.signals[signal];
  process.once(signal, () => process.exit(status));
  isStopping = true;
  killChildren();
  say(`stopped by ${signal}`);
  void cleanUp().finally(() => process.exit(status));
}

async function main(): Promise<void> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  process.chdir(root);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal);
  const startedAt = Date.now();
  try {
    if (options.withChecks) await runChecks();
    for (const profile of options.profiles) await runProfile(profile, options);
    if (options.withSmoke) await runSmoke();
  } catch (error) {
    tally.failed += 1;
    closingRemarks.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await cleanUp();
  if (tally.passed + tally.failed === 0) {
    tally.failed = 1;
    closingRemarks.push('No test ran.');
  }
  say(`\nin ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  for (const remark of closingRemarks) say(`\n${remark}\n`);
  say(`${tally.passed} passed, ${tally.failed} failed`);
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

await main();

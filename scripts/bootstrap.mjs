// The first thing that runs in a fresh clone: `node scripts/bootstrap.mjs <lango|demo|test|bench|screenshots> [args…]`. It
// needs nothing but Node: it installs the dependencies when they are missing or the lock file changed (one process at a
// time), then becomes the target in this very process, so that signals, standard input and the exit status are the
// target's own. It writes to standard error only: standard output belongs to the target (`--json` prints JSON alone).

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const targets = ['lango', 'demo', 'test', 'bench', 'screenshots'];
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const lockFile = path.join(root, 'package-lock.json');
const stampFile = path.join(root, 'node_modules', '.lango-install.json');
const installLock = path.join(root, '.install.lock');

const say = (text) => process.stderr.write(`${text}\n`);

function fail(text, status = 1) {
  say(text);
  process.exit(status);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function checkNode() {
  const wanted = readJson(path.join(root, 'package.json')).engines.node.replace(/^>=/, '');
  const [major, minor = 0] = wanted.split('.').map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  fail(`Lango needs Node.js ${wanted} or newer; this is ${process.version} (${process.execPath}).`);
}

/** What an install must have been made from, and for, to be used: the same lock file on the same kind of machine. */
function wantedStamp() {
  const lock = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  return { lock, platform: `${process.platform}-${process.arch}` };
}

/**
 * Whether node_modules is what the lock file says. Without our stamp (someone ran `npm install`), npm's own record,
 * which it writes last, is compared; a matching one is adopted, so that work in progress is never reinstalled.
 */
function isInstalled() {
  const wanted = wantedStamp();
  const stamp = readJson(stampFile);
  if (stamp?.platform === wanted.platform && stamp.lock === wanted.lock) return true;
  if (stamp && stamp.platform !== wanted.platform) return false;
  const installed = readJson(path.join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return false;
  const locked = readJson(lockFile).packages;
  for (const [name, entry] of Object.entries(locked)) {
    if (name !== '' && !entry.optional && installed[name]?.integrity !== entry.integrity) return false;
  }
  for (const [name, entry] of Object.entries(installed)) {
    if (locked[name]?.integrity !== entry.integrity) return false;
  }
  writeStamp();
  return true;
}

function writeStamp() {
  writeFileSync(stampFile, `${JSON.stringify(wantedStamp())}\n`);
}

/** Runs `npm ci` with its output on standard error; a signal reaches npm and ends this process as it would have. */
function install() {
  const npm = process.env.npm_execpath;
  // NODE_ENV=production and npm's own settings in the environment must not leave the development packages out.
  const args = ['ci', '--include=dev', '--include=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  args.push('--loglevel=error', '--no-progress');
  const [command, ...rest] = npm?.endsWith('.js') ? [process.execPath, npm, ...args] : ['npm', ...args];
  const child = spawn(command, rest, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (child.pid) writeFileSync(path.join(installLock, 'npm.pid'), String(child.pid));
  let received;
  const forward = (signal) => {
    received = signal;
    child.kill(signal);
  };
  process.on('SIGINT', forward).on('SIGTERM', forward);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`npm could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      if (received) {
        rmSync(installLock, { recursive: true, force: true });
        process.exit(128 + os.constants.signals[received]);
      }
      resolve(code === 0 ? undefined : `npm ci failed (${signal ?? `status ${code}`}).`);
    });
  });
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Whether whoever made this lock is gone: neither it nor the npm it started (which may outlive it) runs any more. */
function isStale(lock) {
  try {
    const pids = ['pid', 'npm.pid'].map((name) => path.join(lock, name)).filter((file) => existsSync(file));
    if (pids.length === 0) return Date.now() - statSync(lock).mtimeMs > 10_000;
    return !pids.some((file) => isAlive(Number(readFileSync(file, 'utf8'))));
  } catch {
    return false; // it went away while we looked
  }
}

/** Takes the lock, a directory (making one is atomic), in turn; a stale one is moved aside and looked at once more. */
async function takeInstallLock() {
  for (let told = false; ; ) {
    try {
      mkdirSync(installLock);
      writeFileSync(path.join(installLock, 'pid'), String(process.pid));
      writeFileSync(path.join(installLock, '.gitignore'), '*\n');
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(installLock)) {
      const aside = `${installLock}.${process.pid}`;
      try {
        renameSync(installLock, aside);
        if (isStale(aside)) rmSync(aside, { recursive: true, force: true });
        else renameSync(aside, installLock); // another one had just taken it over: give it back
      } catch {
        // another one was quicker
      }
      continue;
    }
    if (!told) say('Another process is installing the dependencies; waiting for it …');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function ensureInstalled() {
  if (isInstalled()) return;
  await takeInstallLock();
  try {
    if (isInstalled()) return;
    say('Installing the dependencies (npm ci) …');
    const startedAt = Date.now();
    const problem = await install();
    if (problem) {
      rmSync(installLock, { recursive: true, force: true });
      fail(problem);
    }
    writeStamp();
    say(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
  } finally {
    rmSync(installLock, { recursive: true, force: true });
  }
}

async function main() {
  const [target, ...args] = process.argv.slice(2);
  if (!targets.includes(target)) fail(`usage: node scripts/bootstrap.mjs <${targets.join('|')}> [args…]`, 2);
  checkNode();
  await ensureInstalled();
  const file = path.join(root, 'scripts', `${target}.ts`);
  if (!existsSync(file)) fail(`There is no scripts/${target}.ts in this checkout.`);
  process.argv = [process.argv[0], file, ...args];
  const { register } = await import('tsx/esm/api');
  register();
  await import(pathToFileURL(file).href);
}

await main();

// The house rules of design.md section 3 as data and as checks that name each offender. Every check is also given a
// small bad example, because a rule that cannot fail keeps nothing.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import {
  allImports,
  committedFiles,
  forbiddenPackages,
  forbiddenSliceImports,
  importCycles,
  importsOf,
  linesMatching,
  longFiles,
  longFunctions,
  reachableFrom,
  readTree,
  type SourceTree,
  sliceOf,
} from './support/source-tree.ts';

const root = path.dirname(import.meta.dirname);

/** Who may import whom: a slice of src (or a file at its top) to what it may import beside itself. */
const slices = ['platform', 'tenants', 'events', 'payments', 'mpesa', 'webhooks', 'reconciliation', 'checkout'];
const allowed: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  simulator: ['platform'],
  tenants: ['platform'],
  events: ['platform'],
  payments: ['platform', 'tenants', 'events'],
  mpesa: ['platform', 'tenants', 'events', 'payments'],
  webhooks: ['platform', 'tenants', 'events'],
  reconciliation: ['platform', 'tenants', 'events', 'payments', 'mpesa'],
  checkout: ['platform', 'tenants', 'events', 'payments', 'mpesa'],
  console: slices,
  openapi: slices,
  config: ['platform'],
  app: [...slices, 'console', 'openapi', 'config'],
  compose: [...slices, 'console', 'config', 'app'],
  main: [...slices, 'console', 'config', 'app', 'compose', 'simulator'],
};

/** Which files of src may import a package. */
const homes: readonly { what: string; packages: RegExp; mayImport: RegExp }[] = [
  {
    what: 'knex',
    packages: /^knex$/,
    mayImport: /-store\.ts$|^src\/platform\/(database|migrat|schema)[^/]*\.ts$/,
  },
  { what: 'SQL drivers', packages: /^(mysql2|libsql)$/, mayImport: /^src\/platform\// },
  {
    what: 'koa',
    packages: /^(koa|koa-.*|@koa\/.*)$/,
    mayImport:
      /-(routes|pages)\.ts$|\/(authenticate|session)\.ts$|^src\/platform\/(http[^/]*|render)\.ts$|^src\/app\.ts$/,
  },
  { what: 'bull and ioredis', packages: /^(bull|ioredis)$/, mayImport: /^src\/platform\// },
];

const limits = { sourceFiles: 410, fileLines: 300, functionLines: 80 };

const ours = readTree(root, ['src', 'scripts', 'migrations', 'test', 'knexfile.ts']);
const within = (pattern: RegExp): SourceTree => new Map([...ours].filter(([file]) => pattern.test(file)));
const source = within(/^src\//);
const shipped = within(/^(src|scripts|migrations)\/|^knexfile\.ts$/);

/** The assertion of every rule: nobody breaks it; else all who do are listed. */
function expectNone(offenders: readonly string[], rule: string): void {
  if (offenders.length > 0) expect.fail(`${rule}:\n  ${offenders.join('\n  ')}`);
}

const oddName = (file: string): boolean => !/^[a-z0-9]+([-_.][a-z0-9]+)*\.(ts|mjs)$/.test(path.basename(file));
const snakeName = (file: string): boolean => path.basename(file).includes('_') && !file.startsWith('migrations/');
const vagueName = (file: string): boolean => /(^|[-/])(utils?|helpers?|common|managers?|base)[-.]/.test(file);
const misnamed = (tree: SourceTree): string[] =>
  [...tree.keys()].filter((file) => oddName(file) || snakeName(file) || vagueName(file));
const barrels = (tree: SourceTree): string[] => [...tree.keys()].filter((file) => /(^|\/)index\.\w+$/.test(file));
const withoutOpening = (tree: SourceTree): string[] =>
  [...tree].filter(([, text]) => !/^(#!.*\n+)?(\/\/|\/\*)/.test(text)).map(([file]) => file);
const envReads = (tree: SourceTree): string[] => linesMatching(tree, /^src\/(?!config\.ts$)/, /\bprocess\s*\.\s*env\b/);
const leftOut = /\b(describe|context|suite|it|test|specify)\.(only|skip)\b|\bthis\.skip\(|\bx(it|describe)\(/;
const unfinished = /\b(TODO|FIXME|XXX)\b/;
const machinePath = /(^|[\s"'`(=:,[])\/(work|root|home\/\w+|Users\/\w+)\//;

type Locked = Readonly<Record<string, { optionalDependencies?: Record<string, string> }>>;

/** Optional packages that no folder on the way up holds: a registry that could not list them makes npm leave them out. */
function missingFromLock(packages: Locked): string[] {
  return Object.entries(packages).flatMap(([where, { optionalDependencies = {} }]) => {
    const parts = where.split('/node_modules/');
    const above = parts.map((_, index) => parts.slice(0, index + 1).join('/node_modules/'));
    const has = (name: string): boolean =>
      ['', ...above].some((at) => path.posix.join(at, 'node_modules', name) in packages);
    return Object.keys(optionalDependencies).flatMap((name) => (has(name) ? [] : [`${name} of ${where}`]));
  });
}

describe('tidy: imports', () => {
  it('every folder and file at the top of src has its place in the table', () => {
    const strangers = [...source.keys()].filter((file) => !((sliceOf(file) ?? '') in allowed));
    expectNone(strangers, 'not in the table of design.md section 3');
  });

  it('a slice imports only the slices before it', () => {
    expectNone(forbiddenSliceImports(source, allowed), 'imports against design.md section 3');
    const bad = new Map([['src/webhooks/a.ts', "import type { Payment } from '../payments/payment.ts';\n"]]);
    expect(forbiddenSliceImports(bad, allowed)).to.deep.equal(['src/webhooks/a.ts imports src/payments/payment.ts']);
    const outside = new Map([['src/app.ts', "import { x } from '../scripts/lango.ts';\n"]]);
    expect(forbiddenSliceImports(outside, allowed)).to.have.length(1);
  });

  it('no files import each other in a circle', () => {
    expectNone(importCycles(ours), 'circles');
    const bad = new Map([
      ['src/a.ts', "import { b } from './b.ts';"],
      ['src/b.ts', "export {\n  c,\n} from './c.ts';"],
      ['src/c.ts', "const a = await import('./a.ts');"],
    ]);
    expect(importCycles(bad)).to.deep.equal(['src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts']);
  });

  for (const { what, packages, mayImport } of homes) {
    it(`${what}: imported only where it belongs`, () => {
      expectNone(forbiddenPackages(source, packages, mayImport), `${what} outside its place`);
    });
  }

  it('sees an import that is out of place', () => {
    const bad = new Map([
      ['src/payments/submit.ts', "import type { Knex } from 'knex';\nimport Router from '@koa/router';\n"],
      ['src/mpesa/pacer.ts', "import { Redis } from 'ioredis';\nimport mysql from 'mysql2/promise';\n"],
    ]);
    const found = homes.map(({ packages, mayImport }) => forbiddenPackages(bad, packages, mayImport).length);
    expect(found).to.deep.equal([1, 1, 1, 1]);
    expect(importsOf('src/a.ts', "// import x from 'no'\nimport 'yes';\n")).to.have.length(1);
  });

  it('what the image runs imports only packages that the image has', () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const roots = ['src/main.ts', 'scripts/lango.ts', ...within(/^migrations\//).keys()];
    const running = reachableFrom(shipped, roots);
    const missing = allImports(new Map([...shipped].filter(([file]) => running.has(file)))).filter(
      ({ packageName }) => packageName !== null && packageName !== 'node:' && !(packageName in dependencies),
    );
    expectNone(
      missing.map(({ file, specifier }) => `${file} imports ${specifier}`),
      'not in dependencies of package.json',
    );
  });

  it('every source file is used by the server, a command or a benchmark', () => {
    const roots = [...shipped.keys()].filter((file) => !file.startsWith('src/') || file === 'src/main.ts');
    const used = reachableFrom(shipped, roots);
    expectNone(
      [...source.keys()].filter((file) => !used.has(file)),
      'nothing imports',
    );
    const bad = new Map([
      ['src/main.ts', "import './app.ts';"],
      ['src/app.ts', ''],
      ['src/dead.ts', "import './app.ts';"],
    ]);
    expect([...reachableFrom(bad, ['src/main.ts'])]).to.deep.equal(['src/main.ts', 'src/app.ts']);
  });

  it('only config reads the environment', () => {
    expectNone(envReads(source), 'process.env outside src/config.ts');
    const bad = new Map([
      ['src/app.ts', 'const port = process.env.PORT;'],
      ['src/config.ts', 'process.env'],
    ]);
    expect(envReads(bad)).to.have.length(1);
  });
});

describe('tidy: files', () => {
  it('names are in kebab-case and say something', () => {
    expectNone(misnamed(ours), 'names');
    const bad = ['src/paymentStore.ts', 'src/a_b.ts', 'src/utils.ts', 'src/http-helpers.ts', 'src/base.ts'];
    expect(misnamed(new Map([...bad, 'src/database.ts'].map((file) => [file, ''])))).to.deep.equal(bad);
  });

  it('there are no barrels', () => {
    expectNone(barrels(ours), 'index files');
    expect(barrels(new Map([['src/payments/index.ts', '']]))).to.have.length(1);
  });

  it('each opens with a comment that says where it stands', () => {
    expectNone(withoutOpening(ours), 'no opening comment');
    expect(withoutOpening(new Map([['src/a.ts', "import 'b';\n// late"]]))).to.deep.equal(['src/a.ts']);
  });

  it(`none is longer than ${limits.fileLines} lines`, () => {
    expectNone(longFiles(shipped, limits.fileLines), 'too long');
    expect(longFiles(new Map([['src/a.ts', 'a\n'.repeat(3)]]), 2)).to.deep.equal(['src/a.ts has 3 lines']);
  });

  it(`no function is longer than ${limits.functionLines} lines`, () => {
    // A migration is a list of tables: it is read from top to bottom and never called by anything of ours.
    expectNone(longFunctions(within(/^(src|scripts)\//), limits.functionLines), 'too long');
    const body = '  a();\n'.repeat(5);
    const starts = ['export async function f(a: string) {', 'const f = async () => {', 'export function f(\n  a,\n) {'];
    for (const start of starts) expect(longFunctions(new Map([['a.ts', `${start}\n${body}}\n`]]), 5)).to.have.length(1);
    const method = `class A {\n  async f(a: B<C>): Promise<D> {\n${body}  }\n}\n`;
    expect(longFunctions(new Map([['a.ts', method]]), 5)).to.have.length(1);
    expect(
      longFunctions(new Map([['a.ts', `function f() {\n  a();\n}\n\nconst x = {\n${body}};\n`]]), 5),
    ).to.have.length(0);
  });

  it(`there are at most ${limits.sourceFiles} source files`, () => {
    expect(source.size).to.be.greaterThan(0).and.at.most(limits.sourceFiles);
  });
});

describe('tidy: text', () => {
  it('no test is left out', () => {
    expectNone(linesMatching(ours, /^test\/.*\.test\.ts$/, leftOut), 'left out');
    for (const word of ['only', 'skip']) expect(`  it.${word}('x', () => {})`).to.match(leftOut);
    expect("it('is the only one', skip)").not.to.match(leftOut);
  });

  it('nothing in src is marked as unfinished', () => {
    expectNone(linesMatching(source, /./, unfinished), 'unfinished');
    expect(`// ${'TO'}DO: later`).to.match(unfinished);
  });

  it('the lock file names no download address', () => {
    const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
    expect(lock).not.to.match(/"resolved":/);
  });

  it('the lock file has every package, for other systems too, so that `npm ci` takes it', () => {
    const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
    expectNone(missingFromLock(lock.packages), 'asked for, but not in package-lock.json');
    const biome = { optionalDependencies: { '@x/linux': '1.0.0' } };
    expect(missingFromLock({ '': {}, 'node_modules/biome': biome })).to.deep.equal(['@x/linux of node_modules/biome']);
    expect(missingFromLock({ 'node_modules/biome': biome, 'node_modules/@x/linux': {} })).to.have.length(0);
  });

  it('commands replace the shell that npm starts, so that a signal to npm reaches them', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const shelled = Object.entries<string>(scripts).filter(([, line]) => /^node .*bootstrap/.test(line));
    expectNone(
      shelled.map(([name, line]) => `"${name}": "${line}" must begin with exec`),
      'scripts of package.json',
    );
  });

  it('no committed file names a path of one machine or its package registry', () => {
    const registry = process.env.npm_config_registry;
    const host = registry && URL.canParse(registry) ? new URL(registry).host : undefined;
    const isText = (file: string): boolean => !/\.(png|jpe?g|ico|woff2?|gz|pdf)$/.test(file);
    const files = committedFiles(root).filter(isText);
    const texts = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
    expectNone(linesMatching(texts, /./, machinePath), 'paths of one machine');
    if (host) {
      const naming = [...texts].filter(([, text]) => text.includes(host)).map(([file]) => file);
      expectNone(naming, 'the package registry');
    }
    expect(`run("${['', 'work', 'main'].join('/')}/x")`).to.match(machinePath);
    expect('GET https://example.org/home/x/y').not.to.match(machinePath);
  });
});

// Reads a source tree for test/tidy.test.ts: its files, what each imports, and what of it breaks a rule. Files are a map
// from path to text, so that the same functions judge the real tree and the small bad examples that prove they work.
// Plain text reading is enough because the formatter fixes how imports and functions look.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Path from the project's root, with `/`, to the file's text. */
export type SourceTree = ReadonlyMap<string, string>;

export interface Import {
  file: string;
  specifier: string;
  /** The project's file that a relative specifier names, or null for a package. */
  target: string | null;
  /** The package (`node:` for Node's own), or null for a relative specifier. */
  packageName: string | null;
}

/** Every file under `folders` (or named there) that ends in .ts or .mjs. */
export function readTree(root: string, folders: readonly string[]): SourceTree {
  const names = folders.flatMap((folder) => {
    const full = path.join(root, folder);
    if (!existsSync(full)) return [];
    if (/\.(ts|mjs)$/.test(folder)) return [folder];
    const files = readdirSync(full, { recursive: true, encoding: 'utf8' });
    return files.map((file) => path.posix.join(folder, file.split(path.sep).join('/')));
  });
  const code = names.filter((name) => /\.(ts|mjs)$/.test(name)).sort();
  return new Map(code.map((name) => [name, readFileSync(path.join(root, name), 'utf8')]));
}

/** Files that are, or would be, committed; where git cannot say, everything but what is installed or made. */
export function committedFiles(root: string): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  try {
    const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 26 });
    return listed.split('\0').filter((name) => name !== '' && existsSync(path.join(root, name)));
  } catch {
    const generated = new Set(['.git', 'node_modules', 'dist', 'data', 'coverage']);
    const kept = readdirSync(root, { withFileTypes: true }).filter((entry) => !generated.has(entry.name));
    return kept.flatMap((entry) => {
      if (!entry.isDirectory()) return [entry.name];
      const inside = readdirSync(path.join(root, entry.name), { recursive: true, withFileTypes: true });
      const files = inside.filter((file) => file.isFile());
      return files.map((file) => path.relative(root, path.join(file.parentPath, file.name)));
    });
  }
}

const statementImport = /^(?:import|export)\b[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]/gm;
const bareImport = /^import\s+['"]([^'"]+)['"]/gm;
const calledImport = /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g;

/** Everything a file imports or re-exports, types too, also inside functions. */
export function importsOf(file: string, text: string): Import[] {
  const specifiers = [statementImport, bareImport, calledImport].flatMap((pattern) =>
    [...withoutLineComments(text).matchAll(pattern)].map((match) => match[1]!),
  );
  return specifiers.map((specifier) => {
    const isRelative = specifier.startsWith('.');
    const target = isRelative ? path.posix.join(path.posix.dirname(file), specifier) : null;
    return { file, specifier, target, packageName: isRelative ? null : packageOf(specifier) };
  });
}

export function allImports(tree: SourceTree): Import[] {
  return [...tree].flatMap(([file, text]) => importsOf(file, text));
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return 'node:';
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
}

function withoutLineComments(text: string): string {
  return text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
}

/** Each import that crosses slices against the table: slice of `src/` (or file at its top) to those it may import. */
export function forbiddenSliceImports(
  tree: SourceTree,
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  return allImports(tree).flatMap(({ file, target }) => {
    const from = sliceOf(file);
    if (from === null || target === null) return [];
    const to = sliceOf(target);
    if (to === null) return [`${file} imports ${target}, which is outside src`];
    if (to === from || (allowed[from] ?? []).includes(to)) return [];
    return [`${file} imports ${target}`];
  });
}

/** `src/payments/payment.ts` is in `payments`; `src/app.ts` is `app`; what is not in src is in no slice. */
export function sliceOf(file: string): string | null {
  const parts = file.split('/');
  if (parts[0] !== 'src') return null;
  return parts.length === 2 ? parts[1]!.replace(/\.ts$/, '') : parts[1]!;
}

/** Imports of a package by a file that is not among those allowed to. */
export function forbiddenPackages(tree: SourceTree, isPackage: RegExp, mayImport: RegExp): string[] {
  return allImports(tree).flatMap(({ file, packageName, specifier }) =>
    packageName !== null && isPackage.test(packageName) && !mayImport.test(file)
      ? [`${file} imports ${specifier}`]
      : [],
  );
}

/** Groups of files that import each other in a circle, each as a path back to its start. */
export function importCycles(tree: SourceTree): string[] {
  const edges = new Map<string, string[]>();
  for (const { file, target } of allImports(tree)) {
    if (target !== null && tree.has(target)) edges.set(file, [...(edges.get(file) ?? []), target]);
  }
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): void => {
    const seenAt = trail.indexOf(file);
    if (seenAt >= 0) cycles.push([...trail.slice(seenAt), file].join(' -> '));
    if (seenAt >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of tree.keys()) visit(file, []);
  return cycles;
}

/** The files that `roots` reach by imports, themselves included. */
export function reachableFrom(tree: SourceTree, roots: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const queue = [...roots];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    const text = tree.get(file);
    if (text === undefined || reached.has(file)) continue;
    reached.add(file);
    for (const { target } of importsOf(file, text)) if (target !== null) queue.push(target);
  }
  return reached;
}

/** Files, of those whose name matches, with a line that matches; each as `file:line: text`. */
export function linesMatching(tree: SourceTree, files: RegExp, pattern: RegExp): string[] {
  return [...tree].flatMap(([file, text]) => {
    if (!files.test(file)) return [];
    const hits = text.split('\n').map((line, index) => ({ line, number: index + 1 }));
    return hits.filter(({ line }) => pattern.test(line)).map(({ line, number }) => `${file}:${number}: ${line.trim()}`);
  });
}

export function longFiles(tree: SourceTree, limit: number): string[] {
  const lengths = [...tree].map(([file, text]) => ({ file, lines: text.replace(/\n$/, '').split('\n').length }));
  return lengths.filter(({ lines }) => lines > limit).map(({ file, lines }) => `${file} has ${lines} lines`);
}

/**
 * Functions longer than `limit` lines. The formatter puts a body's closing brace alone at the indent of the line that
 * opened it, so a function runs from the line that starts it to the next such brace.
 */
export function longFunctions(tree: SourceTree, limit: number): string[] {
  return [...tree].flatMap(([file, text]) => {
    const lines = text.split('\n');
    return lines.flatMap((line, start) => {
      const opener = functionStart.exec(line);
      if (!opener) return [];
      const end = lines.findIndex((other, at) => at > start && closes(other, opener[1]!));
      const length = end < 0 ? 0 : end - start + 1;
      return length > limit ? [`${file}:${start + 1} is ${length} lines long: ${line.trim()}`] : [];
    });
  });
}

const words = '(?:export |default |async |static |private |protected |public |override |get |set )*';
const functionStart = new RegExp(
  `^(\\s*)${words}(?:function\\b.*[({]$|(?:const|let) \\w+.*(?:=>|function\\b.*\\)) \\{$|(?:const|let) \\w+ = (?:async )?\\($|(?!if|for|while|switch|catch|return)#?\\w+(?:<.*>)?\\(.*\\{$|(?!if|for|while|switch|catch|return)\\w+\\($)`,
);

function closes(line: string, indent: string): boolean {
  // A call over several lines looks like a method until it ends with its bracket.
  return line.startsWith(indent) && /^[})][);,]*$/.test(line.slice(indent.length));
}

// The version of this software, as its package says it.

import { readFileSync } from 'node:fs';

/** From package.json, which lies two folders up in a checkout and three from the compiled code. */
export const version: string =
  ['../../package.json', '../../../package.json'].map(readVersion).find((found) => found !== null) ?? 'unknown';

function readVersion(path: string): string | null {
  try {
    return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
}

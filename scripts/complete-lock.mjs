// node complete-lock.mjs <package-lock.json>: adds the optional platform packages that this machine's registry could not
// list (npm leaves them out, and `npm ci` then refuses the lock). Without integrity; their os/cpu keep them uninstalled.
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.argv[2];
const lock = JSON.parse(readFileSync(file, 'utf8'));
const all = lock.packages;
let added = 0;
for (const [where, entry] of Object.entries(all)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    let at = where,
      found = false;
    for (;;) {
      if (all[`${at ? `${at}/` : ''}node_modules/${name}`]) {
        found = true;
        break;
      }
      if (!at) break;
      const cut = at.lastIndexOf('/node_modules/');
      at = cut < 0 ? '' : at.slice(0, cut);
    }
    if (found) continue;
    const m = /-(android|darwin|linux|win32|freebsd)-(arm64|x64|arm|ia32)(?:-(musl|gnu|msvc))?$/.exec(name);
    if (!m || !/^\d/.test(version)) {
      console.error('cannot complete', name, version);
      continue;
    }
    all[`node_modules/${name}`] = {
      version,
      cpu: [m[2]],
      ...(entry.dev ? { dev: true } : {}),
      ...(m[3] === 'musl' ? { libc: ['musl'] } : {}),
      license: entry.license,
      optional: true,
      os: [m[1]],
      ...(entry.engines && name.startsWith('@biomejs') ? { engines: { node: '>=14.21.3' } } : {}),
    };
    added++;
  }
}
const rootEntry = all[''];
delete all[''];
lock.packages = {
  '': rootEntry,
  ...Object.fromEntries(Object.entries(all).sort(([a], [b]) => a.localeCompare(b, 'en'))),
};
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.error(`added ${added}`);

// What a CPU profile of a process says, in a screenful: where it spent its own time, by kind of work and by function.
// Written by `node --cpu-prof`. Node's own streams, timers and builtins count to the kind of work they were called for.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface ProfileSummary {
  busy_ms: number;
  idle_share: number;
  /** Shares of the busy time. */
  groups: [group: string, share: number][];
  functions: { name: string; where: string; group: string; share: number }[];
}

interface Call {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
}

interface ProfileFile {
  nodes: Call[];
  samples: number[];
  timeDeltas: number[];
}

/** The first that matches is it. What matches none counts to whoever called it. */
const kinds: readonly [group: string, url: RegExp][] = [
  ['SQL driver', /node_modules\/mysql2\//],
  ['knex and its pool', /node_modules\/(knex|tarn)\//],
  ['crypto', /node_modules\/(standardwebhooks|fast-sha256|@stablelib)|src\/platform\/sealing/],
  ['logging', /node_modules\/(winston|logform)|src\/platform\/(logger|redaction)/],
  [
    'HTTP out',
    /node:_http|node_modules\/request-filtering-agent|src\/webhooks\/(post|guarded|send|safe-target|read-answer)/,
  ],
  ['Redis and Bull', /node_modules\/(ioredis|bull)/],
  ['metrics', /node_modules\/prom-client/],
  ['loading modules', /node:internal\/modules/],
  ['ours', /\/dist\//],
];

function ownGroup({ functionName, url }: Call['callFrame']): string | undefined {
  if (functionName === '(garbage collector)') return 'GC';
  return kinds.find(([, pattern]) => pattern.test(url))?.[0];
}

interface Spent {
  micros: number;
  group: string;
  name: string;
  where: string;
}

/** Own time of every call that took any, with the kind of work it was done for. */
function spentBy({ nodes, samples, timeDeltas }: ProfileFile): Spent[] {
  const selfMicros = new Map<number, number>();
  for (const [index, id] of samples.entries())
    selfMicros.set(id, (selfMicros.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  const calls = new Map(nodes.map((call) => [call.id, call]));
  const spent: Spent[] = [];
  const visit = (call: Call, inherited: string, caller: string): void => {
    const { functionName, url, lineNumber } = call.callFrame;
    const group = ownGroup(call.callFrame) ?? inherited;
    const name = functionName || '(anonymous)';
    const place = url === '' ? '' : `${url.replace(/^.*\/(node_modules|dist)\//, '')}:${lineNumber + 1}`;
    spent.push({ micros: selfMicros.get(call.id) ?? 0, group, name, where: place || `called by ${caller}` });
    for (const id of call.children ?? []) visit(calls.get(id)!, group, place === '' ? caller : `${name} ${place}`);
  };
  visit(nodes[0]!, 'event loop and promises', 'the event loop');
  return spent.filter(({ micros, name }) => micros > 0 && name !== '(root)');
}

/** The profile that process `pid` left in `folder`. */
export function readProfile(folder: string, pid: number): ProfileSummary | null {
  const file = readdirSync(folder).find(
    (name) => name.endsWith('.cpuprofile') && name.split('.').includes(String(pid)),
  );
  if (file === undefined) return null;
  const all = spentBy(JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as ProfileFile);
  const busy = all.filter(({ name }) => name !== '(idle)');
  const sum = (some: readonly Spent[]): number => some.reduce((total, { micros }) => total + micros, 0);
  const busyMicros = sum(busy);
  const share = (micros: number): number => Number((micros / busyMicros).toFixed(4));
  const groups = new Map<string, number>();
  const functions = new Map<string, Spent>();
  for (const one of busy) {
    groups.set(one.group, (groups.get(one.group) ?? 0) + one.micros);
    const key = `${one.name} ${one.where} ${one.group}`;
    functions.set(key, { ...one, micros: one.micros + (functions.get(key)?.micros ?? 0) });
  }
  return {
    busy_ms: Math.round(busyMicros / 1000),
    idle_share: Number((1 - busyMicros / sum(all)).toFixed(3)),
    groups: [...groups].sort(([, left], [, right]) => right - left).map(([group, micros]) => [group, share(micros)]),
    functions: [...functions.values()]
      .sort((left, right) => right.micros - left.micros)
      .slice(0, 25)
      .map(({ micros, ...one }) => ({ ...one, share: share(micros) })),
  };
}

export function describeProfile({ busy_ms, idle_share, groups, functions }: ProfileSummary): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(7);
  return [
    `  profile of the worker: busy for ${(busy_ms / 1000).toFixed(1)} s, idle ${percent(idle_share).trim()} (while the floor ran, too)`,
    ...groups.map(([group, share]) => `    ${percent(share)}  ${group}`),
    '  own time of the first 25 functions',
    ...functions.map(({ name, where, group, share }) => `    ${percent(share)}  ${name}  ${where}  [${group}]`),
  ];
}

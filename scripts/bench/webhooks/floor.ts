// The floor of deliveries, a process of its own: the least that a Node process can do to hand over so many bodies and be
// sure of it. Bare keep-alive POSTs with node:http and one autocommit INSERT after each answer. No claim, no signature,
// no lease, no log, nothing to find after a crash.

import http from 'node:http';
import mysql, { type ResultSetHeader } from 'mysql2';
import type { LoadResult } from '../load.ts';

export interface FloorJob {
  urls: string[];
  body: string;
  /** How many are on their way at once. */
  concurrency: number;
  seconds: number;
}

const connectionLimit = 20;
const table = `CREATE TABLE IF NOT EXISTS bench_webhook_floor (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  endpoint VARCHAR(32) NOT NULL, status_code INT NOT NULL, duration_ms INT NOT NULL, started_at BIGINT NOT NULL)`;
const insert = 'INSERT INTO bench_webhook_floor (endpoint, status_code, duration_ms, started_at) VALUES (?, ?, ?, ?)';

const pool = mysql.createPool({ uri: process.env.DATABASE_URL ?? '', connectionLimit });
const agent = new http.Agent({ keepAlive: true });

/** The status, or 0 for a connection that broke. */
function post(url: URL, body: string, done: (status: number, detail: string) => void): void {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
    response.resume();
    response.on('end', () => done(response.statusCode ?? 0, `status ${response.statusCode}`));
  });
  request.on('error', (error) => done(0, error.message));
  request.end(body);
}

function run({ urls, body, concurrency, seconds }: FloorJob): Promise<LoadResult> {
  const targets = urls.map((url) => new URL(url));
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  const startedAt = performance.now();
  let firstWrong: string | null = null;
  let running = concurrency;
  return new Promise((resolve) => {
    const finish = (): void => {
      latencies.sort((left, right) => left - right);
      const quantile = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
      const elapsed = (performance.now() - startedAt) / 1000;
      resolve({ seconds: elapsed, statuses, p50Ms: quantile(0.5), p99Ms: quantile(0.99), firstWrong });
    };
    const count = (status: number, detail: string): void => {
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status !== 204) firstWrong ??= detail;
    };
    const next = (target: URL): void => {
      const sentAt = performance.now();
      if (sentAt - startedAt >= seconds * 1000) {
        running -= 1;
        if (running === 0) finish();
        return;
      }
      post(target, body, (status, detail) => {
        const tookMs = performance.now() - sentAt;
        latencies.push(tookMs);
        pool.execute<ResultSetHeader>(insert, [target.host, status, Math.round(tookMs), Date.now()], (error) => {
          count(error === null ? status : 0, error?.message ?? detail);
          next(target);
        });
      });
    };
    for (let n = 0; n < concurrency; n += 1) next(targets[n % targets.length]!);
  });
}

process.on('message', (job: FloorJob) => void run(job).then((result) => process.send?.(result)));
process.on('disconnect', () => process.exit(0));
pool.query(table, (error) => {
  if (error !== null) throw error;
  process.send?.({});
});

// How the database goes about every statement that the pages send. The pages are asked for in this process, on a clock
// that is moved on between them so that nothing is believed from before; what goes over knex is written down, then
// explained and run once more, with a count of the rows that were really read. A plan that reads all of a big table is a
// mistake of the schema, whatever its time.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { composeGateway } from '../../../src/compose.ts';
import { readConfig } from '../../../src/config.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { type Access, type Judgement, judge, manyRows, nameOf } from '../explain.ts';
import type { Stage } from '../stage.ts';
import type { BenchPage } from './pages.ts';
import { visit } from './visitor.ts';

export interface StatementPlan extends Judgement {
  /** The page that sent it with the dearest values. */
  page: string;
  statement: string;
  /** Without its values. */
  sql: string;
  /** Run alone, the second time. */
  ms: number;
  /** That the engine really read, by index or not. */
  rows_read: number;
}

export interface PagePlans {
  plans: StatementPlan[];
  mistakes: string[];
  reached: boolean;
}

interface Sent {
  sql: string;
  bindings: readonly unknown[];
}

export async function measurePlans(stage: Stage, pages: readonly BenchPage[], cookie: string): Promise<PagePlans> {
  let ahead = 0;
  const clock = { ...systemClock, now: () => Date.now() + ahead };
  const config = readConfig({ ...stage.env, ROLES: 'api,console' });
  const gateway = await composeGateway(config, { clock, logger: silentLogger, hasTimers: false });
  const server = createServer(gateway.app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const visitor = visit(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { cookie });
  const sent: Sent[] = [];
  gateway.core.db.on('query', ({ sql, bindings }: Sent) => sent.push({ sql, bindings }));
  const dearest = new Map<string, StatementPlan>();
  const mistakes: string[] = [];
  try {
    for (const page of pages) {
      ahead += 2000;
      sent.length = 0;
      const { status } = await visitor.get(page.path);
      if (status !== page.status) mistakes.push(`${page.name} (${page.path}) was answered ${status}`);
      for (const { sql, bindings } of [...sent].filter((one) => /^\s*\(?select\b/i.test(one.sql))) {
        const form = formOf(sql);
        const known = dearest.get(form);
        const plan = { page: page.name, ...(await explain(stage, sql, bindings)) };
        if (known === undefined || isDearer(plan, known)) dearest.set(form, plan);
      }
    }
  } finally {
    await visitor.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await gateway.close();
  }
  const order = new Map(pages.map(({ name }, index) => [name, index]));
  const plans = [...dearest.values()].sort((left, right) => order.get(left.page)! - order.get(right.page)!);
  return { plans, mistakes, reached: !plans.some(({ isFullScan }) => isFullScan) };
}

/** The same statement is sent with many values: the worst is shown, a full scan before all. */
function isDearer(plan: StatementPlan, than: StatementPlan): boolean {
  if (plan.isFullScan !== than.isFullScan) return plan.isFullScan;
  return plan.rows_read > than.rows_read;
}

/** One for all lengths of a list of values, and of a union of alike parts. */
function formOf(sql: string): string {
  return sql.replace(/\((\?, )+\?\)/g, '(?)').replace(/( union all .*)+/gis, ' union all …');
}

async function explain(
  { query }: Stage,
  sql: string,
  bindings: readonly unknown[],
): Promise<Omit<StatementPlan, 'page'>> {
  const judgement = judge(await query<Access[]>(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, bindings));
  await query(sql, bindings);
  const before = await rowsRead({ query });
  const startedAt = performance.now();
  await query(sql, bindings);
  const ms = performance.now() - startedAt;
  const rows = (await rowsRead({ query })) - before;
  return { statement: nameOf(sql), sql, ms: Number(ms.toFixed(1)), rows_read: rows, ...judgement };
}

/** So far, by this connection. Asking is not counted by itself. */
async function rowsRead({ query }: Pick<Stage, 'query'>): Promise<number> {
  const counts = await query<{ Variable_name: string; Value: string }[]>("SHOW SESSION STATUS LIKE 'Handler_read%'");
  const isRow = (name: string): boolean => /^Handler_read_(key|next|prev|first|last|rnd|rnd_next)$/i.test(name);
  return counts.reduce((sum, { Variable_name, Value }) => sum + (isRow(Variable_name) ? Number(Value) : 0), 0);
}

export function describePlans({ plans }: PagePlans): string[] {
  let page = '';
  return plans.map((plan) => {
    const head = plan.page === page ? '' : plan.page;
    page = plan.page;
    const mark = plan.isFullScan ? '*' : plan.rows_read > manyRows ? '~' : ' ';
    const cost = `${plan.ms.toFixed(1).padStart(7)} ms ${String(plan.rows_read).padStart(7)} read`;
    return `${mark} ${head.padEnd(34)}${cost}  ${plan.statement.padEnd(26)} ${plan.access.join(' · ')}`;
  });
}

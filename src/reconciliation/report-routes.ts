// GET /v1/reports/daily: what became of a tenant's payments of one Nairobi day, for whoever keeps its books.

import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import type { Db } from '../platform/database.ts';
import { sendJson } from '../platform/http.ts';
import { validateQuery } from '../platform/validation.ts';
import type { CallerState } from '../tenants/authenticate.ts';
import type { Scope } from '../tenants/scopes.ts';
import { readDailyReport } from './daily-report.ts';

export interface ReportRouteDeps {
  db: Db;
  now(): number;
  authenticate(scope: Scope | null): Koa.Middleware;
}

const dateError = 'date is a day of Nairobi, given once, such as 2026-10-06.';

export const dailyReportQuery = z.strictObject({ date: z.iso.date({ error: dateError }) });

export function addReportRoutes(router: Router, deps: ReportRouteDeps): void {
  router.get('/v1/reports/daily', deps.authenticate('reports:read'), async (ctx) => {
    const { date } = validateQuery(dailyReportQuery, ctx.query);
    sendJson(ctx, 200, await readDailyReport(deps, (ctx.state as CallerState).caller, date));
  });
}

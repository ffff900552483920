// GET /v1/shortcodes: a tenant's shortcodes and how they fare, so that an app can say "M-PESA is having trouble" before
// a customer finds out.

import type Router from '@koa/router';
import type Koa from 'koa';
import { isoTime } from '../platform/clock.ts';
import { sendJson } from '../platform/http.ts';
import { refuseQuery } from '../platform/validation.ts';
import type { CallerState } from '../tenants/authenticate.ts';
import type { Scope } from '../tenants/scopes.ts';
import { type HealthDeps, readHealth, type ShortcodeHealth } from './shortcode-health.ts';
import { listShortcodes, type Shortcode } from './shortcode-store.ts';

export function addShortcodeRoutes(
  router: Router,
  deps: HealthDeps & { authenticate(scope: Scope | null): Koa.Middleware },
): void {
  router.get('/v1/shortcodes', deps.authenticate('payments:read'), async (ctx) => {
    refuseQuery(ctx.query);
    const { tenantId, mode } = (ctx.state as CallerState).caller;
    const shortcodes = await listShortcodes(deps.db, tenantId, mode);
    const health = await readHealth(deps, tenantId, mode, shortcodes);
    const data = shortcodes.map((shortcode) => presentShortcode(shortcode, health.get(shortcode.id)!));
    sendJson(ctx, 200, { object: 'list', data, has_more: false, next_cursor: null });
  });
}

function presentShortcode(shortcode: Shortcode, { health, successRate }: ShortcodeHealth): object {
  return {
    id: shortcode.id,
    object: 'shortcode',
    mode: shortcode.mode,
    kind: shortcode.kind,
    shortcode: shortcode.shortcode,
    till: shortcode.till,
    environment: shortcode.environment,
    status: shortcode.status,
    health,
    success_rate_15m: successRate,
    last_callback_at: isoTime(shortcode.lastCallbackAt),
  };
}

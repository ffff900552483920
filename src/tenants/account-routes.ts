// GET /v1/account: who this key is. The first call an integrator makes.

import type Router from '@koa/router';
import type Koa from 'koa';
import { isoTime } from '../platform/clock.ts';
import { sendJson } from '../platform/http.ts';
import { refuseQuery } from '../platform/validation.ts';
import type { CallerState } from './authenticate.ts';
import type { Scope } from './scopes.ts';

export function addAccountRoutes(router: Router, authenticate: (scope: Scope | null) => Koa.Middleware): void {
  router.get('/v1/account', authenticate(null), (ctx) => {
    refuseQuery(ctx.query);
    const caller = (ctx.state as CallerState).caller;
    sendJson(ctx, 200, {
      object: 'account',
      tenant: { id: caller.tenantId, name: caller.tenantName },
      mode: caller.mode,
      key: { id: caller.keyId, name: caller.keyName, scopes: caller.scopes, expires_at: isoTime(caller.keyExpiresAt) },
    });
  });
}

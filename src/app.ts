// The order in which a request meets the middleware, on one screen. Roles decide which routes exist in a process.

import Router from '@koa/router';
import Koa from 'koa';
import helmet from 'koa-helmet';
import type { Registry } from 'prom-client';
import { addEventRoutes } from './events/event-routes.ts';
import { addCallbackRoutes, type CallbackRouteDeps } from './mpesa/callback-routes.ts';
import { addShortcodeRoutes } from './mpesa/shortcode-routes.ts';
import { addApiDescriptionRoutes } from './openapi/api-docs-pages.ts';
import { addPaymentActionRoutes, type PaymentActionDeps } from './payments/payment-action-routes.ts';
import { addPaymentRoutes } from './payments/payment-routes.ts';
import { addHealthRoutes, type HealthCheck } from './platform/health-routes.ts';
import { methodNotAllowed, requestId, respondToErrors } from './platform/http.ts';
import type { Logger } from './platform/logger.ts';
import type { SharedCache } from './platform/shared-cache.ts';
import { addReportRoutes } from './reconciliation/report-routes.ts';
import { addAccountRoutes } from './tenants/account-routes.ts';
import { addWebhookRoutes, type WebhookRouteDeps } from './webhooks/webhook-routes.ts';

export interface AppDeps extends PaymentActionDeps {
  webhooks: Omit<WebhookRouteDeps, 'authenticate'>;
  logger: Logger;
  cache: SharedCache;
  callbacks: CallbackRouteDeps;
  checks: readonly HealthCheck[];
  registry: Registry;
  hasApi: boolean;
  /** Null where the console is not served. */
  console: Router | null;
}

export function createApp(deps: AppDeps): Koa {
  const app = new Koa();
  const router = new Router();

  addHealthRoutes(router, deps.checks, deps.registry);
  if (deps.hasApi) {
    addPaymentActionRoutes(router, deps);
    addPaymentRoutes(router, deps);
    addEventRoutes(router, deps);
    addWebhookRoutes(router, { ...deps.webhooks, authenticate: deps.authenticate });
    addShortcodeRoutes(router, deps);
    addReportRoutes(router, deps);
    addAccountRoutes(router, deps.authenticate);
    addCallbackRoutes(router, deps.callbacks);
    addApiDescriptionRoutes(router);
  }

  app.use(requestId());
  app.use(respondToErrors(deps.logger));
  app.use(
    helmet({
      contentSecurityPolicy: {
        directives: {
          'default-src': ["'none'"],
          'style-src': ["'self'"],
          'script-src': ["'self'"],
          'img-src': ["'self'"],
          'connect-src': ["'self'"],
          'base-uri': ["'none'"],
          'form-action': ["'self'"],
          'frame-ancestors': ["'none'"],
        },
        useDefaults: false,
      },
    }),
  );
  app.use(router.routes());
  if (deps.console !== null) app.use(deps.console.routes());
  app.use((ctx) => {
    const methods = router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods);
    if (methods.length > 0) throw methodNotAllowed([...new Set(methods)]);
  });
  // What is left are connections that broke while an answer was being written: the client's business.
  app.on('error', (error: Error) => deps.logger.debug('connection.broken', { detail: error.message }));
  return app;
}

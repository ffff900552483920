// The console: every page and action of it, behind the session. What goes wrong is a page here, not JSON.

import Router from '@koa/router';
import type Koa from 'koa';
import { AppError, type ProblemCode, problems } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { sendAsset } from '../platform/render.ts';
import { type ApprovalPageDeps, addApprovalPages } from './approval-pages.ts';
import { type AttentionPageDeps, addAttentionPages } from './attention-pages.ts';
import { type AuditPageDeps, addAuditPages } from './audit-pages.ts';
import { addCallbackPages, type CallbackPageDeps } from './callback-pages.ts';
import { addClosePages, type ClosePageDeps } from './close-pages.ts';
import { addDiscrepancyBulkPages } from './discrepancy-bulk-pages.ts';
import { addDiscrepancyPages, type DiscrepancyPageDeps } from './discrepancy-pages.ts';
import { addDiscrepancySettlePages } from './discrepancy-settle-pages.ts';
import { addHomePages, type HomePageDeps } from './home-pages.ts';
import { addKeyPages, type KeyPageDeps } from './key-pages.ts';
import { addLineLinkPages } from './line-link-pages.ts';
import { addLinePages } from './line-pages.ts';
import { addOperatorPages, type OperatorPageDeps } from './operator-pages.ts';
import { addOperatorSelfPages } from './operator-self-pages.ts';
import { addPaymentPages, type PaymentPageDeps } from './payment-pages.ts';
import { addPaymentListPages, type PaymentListDeps } from './payments-pages.ts';
import { addReconciliationPages, type ReconciliationPageDeps } from './reconciliation-pages.ts';
import type { Visitor } from './session.ts';
import { ask, type ShellDeps, showDoor, showPage } from './shell-pages.ts';
import { addShortcodeForms } from './shortcode-form-pages.ts';
import { addShortcodePages, type ShortcodePageDeps } from './shortcode-pages.ts';
import { addSignInPages, type SignInPageDeps } from './sign-in-pages.ts';
import { addStatementPages, type StatementPageDeps } from './statement-pages.ts';
import { addSuggestedPages } from './suggested-pages.ts';
import { addSystemPages, type SystemPageDeps } from './system-pages.ts';
import { addTenantPages, type TenantPageDeps } from './tenant-pages.ts';
import { addWebhookPages, type WebhookPageDeps } from './webhook-pages.ts';

type SetUpPageDeps = TenantPageDeps & ShortcodePageDeps & KeyPageDeps & OperatorPageDeps;
type ServerPageDeps = CallbackPageDeps & AuditPageDeps & SystemPageDeps;

export type ConsoleDeps = ShellDeps &
  SignInPageDeps &
  HomePageDeps &
  AttentionPageDeps &
  PaymentListDeps &
  PaymentPageDeps &
  ApprovalPageDeps &
  ClosePageDeps &
  WebhookPageDeps &
  SetUpPageDeps &
  StatementPageDeps &
  ReconciliationPageDeps &
  DiscrepancyPageDeps &
  ServerPageDeps & { logger: Logger };

export function createConsolePages(deps: ConsoleDeps): Router {
  const router = new Router();
  router.get('/console/assets/:name', (ctx) => {
    if (!sendAsset(ctx, String(ctx.params.name))) throw new AppError('not_found', 'There is no such file.');
  });
  router.use('/console', showProblems(deps), deps.sessions.load);
  addSignInPages(router, deps);
  addHomePages(router, deps);
  addAttentionPages(router, deps);
  addPaymentListPages(router, deps);
  addPaymentPages(router, deps);
  addApprovalPages(router, deps);
  addClosePages(router, deps);
  addWebhookPages(router, deps);
  addStatementPages(router, deps);
  addBookPages(router, deps);
  addCallbackPages(router, deps);
  addTenantPages(router, deps);
  addShortcodeForms(router, deps);
  addShortcodePages(router, deps);
  addKeyPages(router, deps);
  addOperatorPages(router, deps);
  addOperatorSelfPages(router, deps);
  addAuditPages(router, deps);
  addSystemPages(router, deps);
  return router;
}

function addBookPages(router: Router, deps: ConsoleDeps): void {
  addReconciliationPages(router, deps);
  addLinePages(router, deps);
  addLineLinkPages(router, deps);
  // Before the pages of one, whose paths would take theirs.
  addDiscrepancyBulkPages(router, deps);
  addDiscrepancyPages(router, deps);
  addDiscrepancySettlePages(router, deps);
  addSuggestedPages(router, deps);
}

/** Where the API's words would mislead a person. */
const headings: Partial<Record<ProblemCode, string>> = {
  scope_missing: 'You may not do this',
  unauthenticated: 'Not done: who are you?',
  address_refused: 'This form was not taken',
  invalid_request: 'Something in this form is wrong',
  not_found: 'There is nothing here',
};

/** Expected refusals as pages; anything else goes on to the responder of the server, which logs it. */
function showProblems(deps: ConsoleDeps): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.status >= 500) throw thrown;
      ctx.status = thrown.status;
      const heading = headings[thrown.code] ?? problems[thrown.code].title;
      const data = { title: heading, heading, detail: thrown.publicMessage, requestId: String(ctx.state.requestId) };
      const visitor = ctx.state.visitor as Visitor | null | undefined;
      if (visitor?.session.stage !== 'full') return showDoor(deps, ctx, 'door-problem', data);
      const query = ctx.query.mode === 'test' ? { mode: 'test' } : {};
      // Without the tenant, which may be what was refused.
      await showPage(deps, ctx, await ask(deps, ctx, query), 'problem', data);
    }
  };
}

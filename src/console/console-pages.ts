// The console: every page and action of it, behind the session. What goes wrong is a page here, not JSON.

import Router from '@koa/router';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { sendAsset } from '../platform/render.ts';
import { kindNames } from './approval-kind.ts';
import { addApprovalPages } from './approval-pages.ts';
import { type AttentionPageDeps, addAttentionPages } from './attention-pages.ts';
import { type AuditPageDeps, addAuditPages } from './audit-pages.ts';
import { addCallbackPages, type CallbackPageDeps } from './callback-pages.ts';
import { closingKind } from './close-kind.ts';
import { addClosePages, type ClosePageDeps } from './close-pages.ts';
import { addDiscrepancyBulkPages } from './discrepancy-bulk-pages.ts';
import { discrepancyKind } from './discrepancy-kind.ts';
import { addDiscrepancyPages, type DiscrepancyPageDeps } from './discrepancy-pages.ts';
import { addDiscrepancySettlePages } from './discrepancy-settle-pages.ts';
import { addFeedPages, type FeedPageDeps } from './feed-pages.ts';
import { addHomePages, type HomePageDeps } from './home-pages.ts';
import { addKeyPages, type KeyPageDeps } from './key-pages.ts';
import { addLineLinkPages } from './line-link-pages.ts';
import { addLinePages } from './line-pages.ts';
import { addOperatorPages, type OperatorPageDeps } from './operator-pages.ts';
import { addOperatorSelfPages } from './operator-self-pages.ts';
import { ownershipKind } from './owner-pages.ts';
import { addPaymentPages, type PaymentPageDeps } from './payment-pages.ts';
import { addPaymentListPages, type PaymentListDeps } from './payments-pages.ts';
import { showProblems } from './problem-pages.ts';
import { addReconciliationPages, type ReconciliationPageDeps } from './reconciliation-pages.ts';
import { addResolvePages, type ResolvePageDeps, resolutionKind } from './resolve-pages.ts';
import type { ShellDeps } from './shell-pages.ts';
import { addShortcodeForms, replacementKind } from './shortcode-form-pages.ts';
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
  ResolvePageDeps &
  ClosePageDeps &
  WebhookPageDeps &
  SetUpPageDeps &
  StatementPageDeps &
  ReconciliationPageDeps &
  DiscrepancyPageDeps &
  FeedPageDeps &
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
  addResolvePages(router, deps);
  addApprovalPages(router, deps, {
    [kindNames.resolution]: resolutionKind(deps),
    [kindNames.credentials]: replacementKind(deps),
    [kindNames.owner]: ownershipKind(deps),
    [kindNames.writeOff]: discrepancyKind(deps),
    [kindNames.acceptAmount]: discrepancyKind(deps),
    [kindNames.close]: closingKind(deps),
  });
  addClosePages(router, deps);
  addWebhookPages(router, deps);
  addStatementPages(router, deps);
  addBookPages(router, deps);
  addCallbackPages(router, deps);
  addTenantPages(router, deps);
  addShortcodeForms(router, deps);
  addShortcodePages(router, deps);
  addFeedPages(router, deps);
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

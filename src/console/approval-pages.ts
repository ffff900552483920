// Settling a payment by hand: one person asks with a reason and a receipt, a second one looks and approves. What is
// approved is done against the very version the first one saw, through the same door as everything else; if the payment
// has moved meanwhile, nothing is done and both are told.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Payment } from '../payments/payment.ts';
import { findPaymentAcrossTenants } from '../payments/payment-store.ts';
import { legalOutcomes, type Resolution, resolutionProblem, resolvePayment } from '../payments/resolve-payment.ts';
import type { SettleDeps, Settled } from '../payments/settle-payments.ts';
import { type Approval, findApproval } from '../platform/approval-store.ts';
import { approve, type Decided, reject, requestApproval } from '../platform/approvals.ts';
import type { Db } from '../platform/database.ts';
import { notFound } from '../platform/errors.ts';
import { maskPhone } from '../platform/redaction.ts';
import { closeKind, dayOfApproval } from './close-acts.ts';
import { newCloseHref } from './close-view.ts';
import type { BookActDeps } from './discrepancy-acts.ts';
import {
  decideDiscrepancyRequest,
  isDiscrepancyRequest,
  showDiscrepancyRequest,
  whereOfRequest,
} from './discrepancy-approval.ts';
import { actingAs, mayTouch } from './form-pages.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { actorOf } from './sign-in.ts';
import { statusWords } from './status-words.ts';

export type ApprovalPageDeps = ShellDeps & BookActDeps & { settling: SettleDeps };

export const resolveKind = 'payment.resolve';

/** Why an operator believes it; the text beside it says what was seen. */
const reasonWords = {
  in_statement: 'M-PESA’s statement or portal shows the money',
  customer_showed: 'The customer showed M-PESA’s message, and it was checked',
  not_in_statement: 'M-PESA’s statement does not have it',
  reversed: 'The money went back to the customer',
  other: 'Something else, said below',
} as const;

const outcomeWords = { succeeded: 'Paid', failed: 'Not paid' } as const;

export function addApprovalPages(router: Router, deps: ApprovalPageDeps): void {
  const { sessions } = deps;
  addResolvePages(router, deps);

  router.get('/console/approvals/:id', sessions.guard('view'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const other = await findOther(deps, asked, String(ctx.params.id));
    // A day that waits for a second person is looked at, and decided, where it is closed.
    if (other?.kind === closeKind) return ctx.redirect(closeUrl(other, asked));
    if (other !== undefined)
      return showPage(deps, ctx, asked, 'discrepancy-request', await showDiscrepancyRequest(deps, asked, other));
    const { approval, payment } = await findAsked(deps, asked, String(ctx.params.id));
    await showPage(deps, ctx, asked, 'approval', viewApproval(deps, asked, approval, payment));
  });

  router.post('/console/approvals/:id/approve', sessions.guard('settle'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const other = await findOther(deps, asked, String(ctx.params.id));
    if (other !== undefined) return decideOther(deps, ctx, asked, other, { approve: true });
    const { approval } = await findAsked(deps, asked, String(ctx.params.id));
    const settled: Settled[] = [];
    const decided = await approve(deps, actorOf(asked.visitor.operator), approval.id, (trx) =>
      perform(trx, deps, asked, approval, settled),
    );
    // Told after the commit, as everything is.
    if (decided === 'approved') deps.settling.announce(settled);
    tellDecision(ctx, decided);
    ctx.redirect(decided === 'own' ? approvalUrl(approval, asked) : paymentUrl(approval.subject, asked));
  });

  router.post('/console/approvals/:id/reject', sessions.guard('settle'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const other = await findOther(deps, asked, String(ctx.params.id));
    if (other !== undefined) return decideOther(deps, ctx, asked, other, { approve: false, note: form.get('note') });
    const { approval } = await findAsked(deps, asked, String(ctx.params.id));
    tellDecision(ctx, await reject(deps, actorOf(asked.visitor.operator), approval.id, form.get('note')));
    ctx.redirect(paymentUrl(approval.subject, asked));
  });
}

/** A request about discrepancies or a day, if it is one and the operator's to see. */
async function findOther({ db }: ApprovalPageDeps, asked: Asked, id: string): Promise<Approval | undefined> {
  const approval = await findApproval(db, id);
  if (approval === undefined || !(isDiscrepancyRequest(approval) || approval.kind === closeKind)) return undefined;
  return mayTouch(asked.visitor.operator, approval.tenantId) ? approval : undefined;
}

async function decideOther(
  deps: ApprovalPageDeps,
  ctx: Koa.Context,
  asked: Asked,
  approval: Approval,
  decision: Parameters<typeof decideDiscrepancyRequest>[3],
): Promise<void> {
  if (approval.kind === closeKind) return ctx.redirect(closeUrl(approval, asked));
  const decided = await decideDiscrepancyRequest(deps, actingAs(deps, ctx), approval, decision);
  tellDecision(ctx, decided);
  ctx.redirect(decided === 'own' ? approvalUrl(approval, asked) : whereOfRequest(approval, asked));
}

function closeUrl(approval: Approval, { scope }: Asked): string {
  const { shortcodeId, day } = dayOfApproval(approval);
  return newCloseHref(shortcodeId, day, scope.query);
}

function addResolvePages(router: Router, deps: ApprovalPageDeps): void {
  const { sessions } = deps;
  const path = '/console/payments/:id/resolve';

  async function show(ctx: Koa.Context, asked: Asked, payment: Payment, problem: string | null, form: Form | null) {
    const typed = (name: string): string => form?.get(name) ?? '';
    await showPage(deps, ctx, asked, 'resolve', {
      title: `Settle ${payment.reference}`,
      payment: viewPayment(payment),
      version: payment.version,
      problem,
      outcomes: legalOutcomes(payment).map((to) => ({ to, word: outcomeWords[to], isChosen: typed('to') === to })),
      reasons: Object.entries(reasonWords).map(([code, words]) => ({ code, words, isChosen: typed('code') === code })),
      receipt: typed('receipt'),
      amount: typed('amount'),
      reason: typed('reason'),
      needsTwoPersons: deps.needsTwoPersons,
    });
  }

  router.get(path, sessions.guard('settle'), async (ctx) => {
    const asked = await ask(deps, ctx);
    const payment = await findOwn(deps, asked, String(ctx.params.id));
    await show(ctx, asked, payment, null, null);
  });

  router.post(path, sessions.guard('settle'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const payment = await findOwn(deps, asked, String(ctx.params.id));
    const resolution = readResolution(form);
    const problem = problemOf(payment, resolution, form);
    if (problem !== null) {
      ctx.status = 400;
      return show(ctx, asked, payment, problem, form);
    }
    const { reason, ...payload } = resolution;
    const approval = await requestApproval(deps, actorOf(asked.visitor.operator), {
      kind: resolveKind,
      tenantId: payment.tenantId,
      mode: payment.mode,
      subject: payment.id,
      stateKey: String(payment.version),
      payload,
      reasonCode: form.get('code'),
      reason,
    });
    if (approval === null) {
      flash(ctx, 'This payment waits for an approval already. Decide or withdraw that first.', 'bad');
      return ctx.redirect(paymentUrl(payment.id, asked));
    }
    flash(ctx, deps.needsTwoPersons ? 'Asked for. Somebody else has to approve it within a day.' : 'Asked for.');
    ctx.redirect(approvalUrl(approval, asked));
  });
}

function readResolution(form: Form): Resolution {
  const amount = form.get('amount').replace(/[\s,]/g, '');
  const receipt = form.get('receipt').trim().toUpperCase();
  return {
    to: form.get('to') === 'succeeded' ? 'succeeded' : 'failed',
    receipt: receipt === '' ? null : receipt,
    amountKes: amount === '' ? null : Number(amount),
    reason: form.get('reason').trim(),
  };
}

function problemOf(payment: Payment, resolution: Resolution, form: Form): string | null {
  if (!['succeeded', 'failed'].includes(form.get('to'))) return 'Choose whether it was paid.';
  if (!(form.get('code') in reasonWords)) return 'Choose what you know it from.';
  if (form.get('version') !== String(payment.version))
    return 'The payment has changed since you opened this page. Look at it again before you decide.';
  return resolutionProblem(payment, resolution);
}

/** Does what was asked for, in the approval's transaction; false when the payment is not as it was. */
async function perform(
  trx: Db,
  deps: ApprovalPageDeps,
  { visitor }: Asked,
  { subject, stateKey, payload, reason }: Approval,
  settled: Settled[],
): Promise<boolean> {
  const inside = {
    ...deps.settling,
    db: trx,
    announce: (changes: readonly Settled[]) => void settled.push(...changes),
  };
  const at = { paymentId: subject, version: Number(stateKey), actor: visitor.operator.id };
  return (await resolvePayment(inside, at, { ...(payload as Omit<Resolution, 'reason'>), reason })) !== undefined;
}

const decisionWords: Readonly<Record<Decided, readonly [words: string, tone: 'ok' | 'bad']>> = {
  approved: ['Approved, and done.', 'ok'],
  rejected: ['Turned down. Nothing was changed.', 'ok'],
  withdrawn: ['Withdrawn. Nothing was changed.', 'ok'],
  outdated: [
    'It changed while it waited, or the receipt belongs to another payment. Nothing was done; ask again if need be.',
    'bad',
  ],
  own: ['You asked for this yourself: somebody else has to approve it.', 'bad'],
  ended: ['This was decided already, or has waited longer than a day.', 'bad'],
};

function tellDecision(ctx: Koa.Context, decided: Decided): void {
  const [words, tone] = decisionWords[decided];
  flash(ctx, words, tone);
}

/** The payment of the path, if it is the operator's to see. @throws AppError `not_found` */
async function findOwn(deps: ApprovalPageDeps, { scope }: Asked, paymentId: string): Promise<Payment> {
  const payment = await findPaymentAcrossTenants(deps.db, deps.settling.sealer, paymentId);
  if (payment === undefined || !scope.tenants.some(({ id }) => id === payment.tenantId)) throw notFound();
  return payment;
}

async function findAsked(deps: ApprovalPageDeps, asked: Asked, approvalId: string) {
  const approval = await findApproval(deps.db, approvalId);
  if (approval?.kind !== resolveKind) throw notFound();
  return { approval, payment: await findOwn(deps, asked, approval.subject) };
}

const paymentUrl = (paymentId: string, { scope }: Asked): string => `/console/payments/${paymentId}${scope.query}`;
const approvalUrl = ({ id }: Approval, { scope }: Asked): string => `/console/approvals/${id}${scope.query}`;

function viewPayment(payment: Payment) {
  const { id, reference, amountKes, amountReceivedKes, status, createdAt, shortcode, mpesaReceipt } = payment;
  const phone = maskPhone(payment.phone);
  return {
    id,
    reference,
    amountKes,
    amountReceivedKes,
    createdAt,
    shortcode,
    phone,
    mpesaReceipt,
    ...statusWords[status],
  };
}

function viewApproval(deps: ApprovalPageDeps, asked: Asked, approval: Approval, payment: Payment) {
  const { to, receipt, amountKes } = approval.payload as unknown as Resolution;
  const isWaiting = approval.status === 'waiting' && approval.expiresAt > deps.now();
  const isOwn = approval.requestedBy === asked.visitor.operator.id;
  const maySettle = asked.may('settle');
  return {
    title: `Approve: ${payment.reference}`,
    payment: viewPayment(payment),
    paymentUrl: paymentUrl(payment.id, asked),
    approval: {
      ...approval,
      reasonWords: reasonWords[approval.reasonCode as keyof typeof reasonWords] ?? approval.reasonCode,
    },
    outcome: outcomeWords[to],
    receipt,
    amountKes: amountKes ?? payment.amountKes,
    isWaiting,
    hasMoved: isWaiting && String(payment.version) !== approval.stateKey,
    mayApprove: isWaiting && maySettle && (!isOwn || !deps.needsTwoPersons),
    mayReject: isWaiting && maySettle,
    isOwn: isWaiting && isOwn && deps.needsTwoPersons,
    rejectWord: isOwn ? 'Withdraw' : 'Turn down',
    query: asked.scope.query,
  };
}

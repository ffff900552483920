// Settling a payment by hand: what may be asked for is what is legal now, with a reason, a receipt where it was paid, and
// against the very version that was looked at. It is done through the same door as everything else.

import type Router from '@koa/router';
import type Koa from 'koa';
import type { Payment } from '../payments/payment.ts';
import { findPaymentAcrossTenants } from '../payments/payment-store.ts';
import { legalOutcomes, type Resolution, resolutionProblem, resolvePayment } from '../payments/resolve-payment.ts';
import type { SettleDeps, Settled } from '../payments/settle-payments.ts';
import { maskPhone } from '../platform/redaction.ts';
import { type ApprovalKind, fact, kindNames, statusFact } from './approval-kind.ts';
import { type ApprovalPageDeps, askApproval } from './approval-pages.ts';
import { notHere } from './form-pages.ts';
import { paymentUrl } from './payment-pages.ts';
import { kes } from './payment-words.ts';
import type { Form } from './session.ts';
import { type Asked, ask, showPage } from './shell-pages.ts';
import { statusWords } from './status-words.ts';

export type ResolvePageDeps = ApprovalPageDeps & { settling: SettleDeps };

/** Why an operator believes it; the text beside it says what was seen. */
const reasonWords = {
  in_statement: 'M-PESA’s statement or portal shows the money',
  customer_showed: 'The customer showed M-PESA’s message, and it was checked',
  not_in_statement: 'M-PESA’s statement does not have it',
  reversed: 'The money went back to the customer',
  other: 'Something else, said below',
} as const;

const outcomeWords = { succeeded: 'Paid', failed: 'Not paid' } as const;

export function addResolvePages(router: Router, deps: ResolvePageDeps): void {
  const { sessions } = deps;
  const path = '/console/payments/:id/resolve';
  const kind = resolutionKind(deps);

  async function show(ctx: Koa.Context, asked: Asked, payment: Payment, problem: string | null, form: Form | null) {
    const typed = (name: string): string => form?.get(name) ?? '';
    const { id, reference, amountKes, status, version } = payment;
    await showPage(deps, ctx, asked, 'resolve', {
      title: `Settle ${reference}`,
      payment: { id, reference, amountKes, phone: maskPhone(payment.phone), word: statusWords[status].word },
      paymentUrl: paymentUrl(payment, asked),
      version,
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
    await show(ctx, asked, await findOwn(deps, asked, String(ctx.params.id)), null, null);
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
    await askApproval(deps, ctx, asked, kind, {
      kind: kindNames.resolution,
      tenantId: payment.tenantId,
      mode: payment.mode,
      subject: payment.id,
      stateKey: String(payment.version),
      payload,
      reasonCode: form.get('code'),
      reason,
    });
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
  if (!Object.hasOwn(reasonWords, form.get('code'))) return 'Choose what you know it from.';
  if (form.get('version') !== String(payment.version))
    return 'The payment has changed since you opened this page. Look at it again before you decide.';
  return resolutionProblem(payment, resolution);
}

/** The payment, if it is the operator's to see. @throws AppError `not_found` */
async function findOwn({ db, settling }: ResolvePageDeps, { scope }: Asked, paymentId: string): Promise<Payment> {
  const payment = await findPaymentAcrossTenants(db, settling.sealer, paymentId);
  if (payment === undefined || !scope.tenants.some(({ id }) => id === payment.tenantId)) throw notHere('payment');
  return payment;
}

export function resolutionKind(deps: ResolvePageDeps): ApprovalKind {
  return {
    outdatedWords:
      'It changed while it waited, or the receipt belongs to another payment. Nothing was done; ask again if need be.',
    whereOf: (asked, { subject, tenantId, mode }) =>
      paymentUrl({ id: subject, tenantId: tenantId!, mode: mode as 'test' | 'live' }, asked),
    async show(asked, { subject, payload, reasonCode, stateKey }) {
      const payment = await findOwn(deps, asked, subject);
      const { to, receipt, amountKes } = payload as unknown as Resolution;
      const outcome = outcomeWords[to];
      const now = statusWords[payment.status];
      return {
        title: `Approve: ${payment.reference}`,
        asks: `to settle ${payment.reference} as “${outcome}”`,
        facts: [
          fact('Outcome', outcome),
          fact('Amount', kes(amountKes ?? payment.amountKes)),
          fact('Receipt', receipt ?? '–', { isCode: receipt !== null }),
          fact('Payment', payment.reference, { href: paymentUrl(payment, asked) }),
          fact('Phone', maskPhone(payment.phone)),
          statusFact('Now', now),
        ],
        reasonWords: reasonWords[reasonCode as keyof typeof reasonWords] ?? reasonCode,
        approveWords: `Approve: settle as “${outcome}”`,
        moved:
          String(payment.version) === stateKey
            ? null
            : `The payment has changed since this was asked for: it is now “${now.word}”.`,
      };
    },
    async perform(trx, { approval: { subject, stateKey, payload, reason }, by, isOnePerson }) {
      const changes: Settled[] = [];
      const announce = (settled: readonly Settled[]): void => void changes.push(...settled);
      const at = { paymentId: subject, version: Number(stateKey), actor: by.actor.id, isOnePerson };
      const resolution = { ...(payload as unknown as Omit<Resolution, 'reason'>), reason };
      const settled = await resolvePayment({ ...deps.settling, db: trx, announce }, at, resolution);
      return settled === undefined ? null : () => deps.settling.announce(changes);
    },
  };
}

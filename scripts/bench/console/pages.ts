// The pages that are measured, as an operator of all tenants asks for them: Home, the list of payments in every quick
// view, by every search and filter and far back, and the pages that hang on big tables.

import type { Stage } from '../stage.ts';
import { type BigPayments, bigId, customerOf, phoneOf, referenceOf } from './big-payments.ts';

export interface BenchPage {
  name: string;
  path: string;
  status: 200 | 302;
  /** Held to the limit: Home and Payments. */
  isHeld: boolean;
}

export async function listPages({ query }: Stage, { count, tenantId, real }: BigPayments): Promise<BenchPage[]> {
  const middle = Math.floor(count / 2);
  const [position] = await query<{ created_at: number }[]>('SELECT created_at FROM payments WHERE id = ?', [
    bigId('pay', middle),
  ]);
  const before = `before=${position!.created_at}.${bigId('pay', middle)}`;
  const [paid] = await query<{ mpesa_receipt: string }[]>(
    "SELECT mpesa_receipt FROM payments WHERE id > ? AND status = 'succeeded' LIMIT 1",
    [bigId('pay', middle)],
  );
  const page = (name: string, path: string, isHeld = false, status: 200 | 302 = 200): BenchPage => {
    const [plain, more = ''] = path.split('?');
    return { name, path: `${plain}?mode=test${more === '' ? '' : `&${more}`}`, status, isHeld };
  };
  const list = (name: string, more = '', status: 200 | 302 = 200): BenchPage =>
    page(`Payments${name}`, `/console/payments?${more}`, true, status);
  const views = ['paid', 'waiting', 'failed', 'cancelled', 'expired', 'unsure', 'late', 'review'];
  return [
    page('Home', '/console', true),
    page('Home, one tenant', `/console?tenant=${tenantId}`, true),
    list(''),
    list(', one tenant', `tenant=${tenantId}`),
    ...views.map((view) => list(`, ${view}`, `view=${view}`)),
    list(', late, one tenant', `view=late&tenant=${tenantId}`),
    list(', last hour', 't=1h'),
    list(', last 7 days', 't=7d'),
    list(', one shortcode', 'shortcode=600107'),
    list(', one reason', 'code=provider_busy'),
    list(', confirmed by query', 'confirmed_by=query'),
    list(', failed, one shortcode', 'view=failed&shortcode=600107'),
    list(', by receipt', `q=${paid!.mpesa_receipt}`, 302),
    list(', receipt of nobody', 'q=UC5ZZZZZZZ'),
    list(', by phone', `q=${phoneOf(customerOf(middle))}`),
    list(', by reference', `q=${referenceOf(middle)}`),
    list(', many references', 'q=ORD-12'),
    list(', many references, paid', 'view=paid&q=ORD-12'),
    list(', some references, failed', 'view=failed&q=ORD-123'),
    list(', by amount', 'q=1230'),
    list(', amount of nobody', 'q=77777'),
    list(', late, by amount', 'view=late&q=1230'),
    list(', far back', before),
    list(', paid, far back', `view=paid&${before}`),
    list(', late, far back', `view=late&${before}`),
    list(', newer again', before.replace('before', 'after')),
    page('a payment', `/console/payments/${real.paymentId}`),
    page('Needs attention', '/console/attention'),
    page('Webhooks', '/console/webhooks'),
    page('an endpoint', `/console/webhooks/${bigId('whe', 0)}`),
    page('an endpoint, given up', `/console/webhooks/${bigId('whe', 0)}?status=dead`),
    page('a delivery', `/console/deliveries/${real.deliveryId}`),
    page('Callbacks', '/console/callbacks'),
    page('Callbacks, forged', '/console/callbacks?verdict=forged_ids'),
    page('System', '/console/system'),
    page('Audit', '/console/audit'),
  ];
}

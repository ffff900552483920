// Who the past belongs to: three merchants with a shortcode, a key and endpoints each, made nine days ago by the same
// use cases as on the command line, audit log included.

import type { Core } from '../../../src/compose.ts';
import type { By } from '../../../src/console/audit-act.ts';
import { createKeyAs, rollKeyAs } from '../../../src/console/key-acts.ts';
import { addShortcodeAs } from '../../../src/console/shortcode-acts.ts';
import { createTenantAs, renameTenantAs } from '../../../src/console/tenant-acts.ts';
import type { ShortcodeRef } from '../../../src/payments/payment-provider.ts';
import type { Endpoint } from '../../../src/webhooks/endpoint.ts';
import { createEndpoint } from '../../../src/webhooks/manage-endpoints.ts';
import type { Chance } from './chance.ts';
import type { Manner } from './past-answers.ts';

export interface PastMerchant {
  name: string;
  tenantId: string;
  shortcode: ShortcodeRef;
  /** Of all payments. */
  share: number;
  apiKey: string;
  keyId: string;
  endpoints: { endpoint: Endpoint; secret: string; manner: Manner }[];
  /** What the next customer is asked for. */
  order(chance: Chance): {
    amountKes: number;
    reference: string;
    description: string;
    metadata: Record<string, string>;
  };
}

export interface MerchantOptions {
  mode: 'test' | 'live';
  madeAt: number;
  /** Where the webhooks of such a name go. */
  endpointUrl(name: string): string;
}

type Plan = Pick<PastMerchant, 'name' | 'share' | 'order'> & {
  kind: 'paybill' | 'till';
  number: string;
  till: string | null;
  keyName: string;
  /** What it was called before. */
  firstName?: string;
  endpoints: readonly { name: string; description: string; manner: Manner }[];
};

/** What is worth a webhook to a shop: results, not that a prompt is on a phone or that nothing is known. */
const types = [
  'payment.succeeded',
  'payment.failed',
  'payment.cancelled',
  'payment.expired',
  'payment.needs_review',
] as const;

/** Safaricom's published passkey; the simulator believes any app. */
const credentials = {
  consumer_key: 'past',
  consumer_secret: 'past',
  passkey: 'bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919',
};

const by: By = { actor: { id: 'cli', name: 'demo on the command line' }, ip: null };

/** Amounts as people have them: to ten shillings. */
const tens = (amount: number): number => Math.min(150_000, Math.max(20, Math.round(amount / 10) * 10));

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ';

const plans: readonly Plan[] = [
  {
    name: 'Duka la Amina',
    firstName: 'Amina Shop',
    share: 55,
    kind: 'paybill',
    number: '600981',
    till: null,
    keyName: 'web shop',
    endpoints: [
      { name: 'orders', description: 'Web shop', manner: 'steady' },
      { name: 'books', description: 'Book-keeping', manner: 'gone' },
    ],
    order(chance) {
      const order = chance.between(10_000, 99_999);
      return {
        amountKes: tens(chance.around(1150, 0.8)),
        reference: `ORD-${order}`,
        description: 'Order',
        metadata: { order: String(order), channel: chance.pick(['web', 'web', 'app']) },
      };
    },
  },
  {
    name: 'Basi Express',
    share: 28,
    kind: 'till',
    number: '600983',
    till: '6009830',
    keyName: 'booking',
    endpoints: [{ name: 'tickets', description: 'Tickets', manner: 'shaky' }],
    order(chance) {
      const seats = chance.weighted([
        { weight: 7, is: 1 },
        { weight: 3, is: 2 },
        { weight: 1, is: 4 },
      ]);
      const ticket = `${letters[chance.between(0, letters.length - 1)]}${chance.between(1000, 9999)}`;
      return {
        amountKes: seats * chance.pick([450, 600, 850, 1200, 1500]),
        reference: `TKT-${ticket}`,
        description: seats === 1 ? 'Ticket' : 'Tickets',
        metadata: { ticket, seats: String(seats) },
      };
    },
  },
  {
    name: 'Kliniki ya Jirani',
    share: 17,
    kind: 'paybill',
    number: '600985',
    till: null,
    keyName: 'front desk',
    endpoints: [{ name: 'visits', description: 'Front desk', manner: 'steady' }],
    order(chance) {
      const visit = String(chance.between(2000, 9999));
      return {
        amountKes: tens(chance.around(1800, 0.6)),
        reference: `VISIT-${visit}`,
        description: 'Visit',
        metadata: { visit },
      };
    },
  },
];

export async function makeMerchants(core: Core, options: MerchantOptions): Promise<PastMerchant[]> {
  const merchants: PastMerchant[] = [];
  for (const plan of plans) merchants.push(await makeMerchant(core, plan, options));
  await changeLater(core, merchants);
  return merchants;
}

/** What somebody did since, for the list of changes. */
async function changeLater({ db, now, dataKeys }: Core, [shop, buses]: readonly PastMerchant[]): Promise<void> {
  const at = (hours: number) => ({ db, now: () => now() - hours * 3_600_000, auditKey: dataKeys.audit });
  await renameTenantAs(at(26), by, shop!.tenantId, shop!.name);
  const roll = { overlapDays: 7, expiresInDays: null, reason: 'the old one was in a chat' };
  const { key } = await rollKeyAs({ ...at(5.2), apiKeyPepper: dataKeys.apiKeys }, by, buses!.keyId, roll);
  buses!.apiKey = key;
}

async function makeMerchant(core: Core, plan: Plan, options: MerchantOptions): Promise<PastMerchant> {
  const { mode, madeAt, endpointUrl } = options;
  const { db, sealer, dataKeys, config } = core;
  const deps = { db, sealer, now: () => madeAt, auditKey: dataKeys.audit };
  const { name, share, order, kind, number, till } = plan;
  const { id: tenantId } = await createTenantAs(deps, by, plan.firstName ?? name);
  const environment = mode === 'live' ? 'production' : 'simulator';
  const request = { tenantId, mode, kind, shortcode: number, till, environment, isDefault: true, credentials } as const;
  const { id: shortcodeId } = await addShortcodeAs({ ...deps, blindIndexKey: dataKeys.blindIndex }, by, request);
  const wanted = { tenantId, mode, name: plan.keyName, scopes: [], allowedIps: [], expiresInDays: null };
  const { id: keyId, key: apiKey } = await createKeyAs({ ...deps, apiKeyPepper: dataKeys.apiKeys }, by, wanted);
  const targetRules = { allowNetworks: config.webhookAllowNetworks, ownUrl: config.publicUrl };
  const endpoints: PastMerchant['endpoints'] = [];
  for (const { name: endpointName, description, manner } of plan.endpoints) {
    const details = { url: endpointUrl(endpointName), types, description };
    const made = await createEndpoint({ ...deps, targetRules, nudge: () => {} }, { tenantId, mode }, details);
    endpoints.push({ ...made, manner });
  }
  const shortcode = {
    id: shortcodeId,
    tenantId,
    mode,
    environment,
    number,
    status: 'active',
    isDefault: true,
  } as const;
  return { name, share, order, tenantId, shortcode, apiKey, keyId, endpoints };
}

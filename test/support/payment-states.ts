// Payments in the states that tests need, reached the way they are reached in life: by a customer in the simulator, or
// by a shortcode that is paused so that nothing is sent. And keys of every kind for a tenant.

import { changeShortcodeStatus } from '../../src/mpesa/manage-shortcodes.ts';
import { createKey, type KeyRequest } from '../../src/tenants/manage-tenants.ts';
import { type Answer, freshPhone, type TestGateway, type TestTenant } from './build-gateway.ts';
import { beginStory, move, type Story } from './payment-story.ts';

/** A tenant whose shortcode is paused: its payments stay queued. */
export async function beginPausedStory(app: TestGateway, mode: 'test' | 'live' = 'test'): Promise<Story> {
  const tenant = await app.addTenant({ mode, shortcode: mode === 'live' ? freshShortcode() : '174379' });
  await changeShortcodeStatus(app.gateway.core, tenant.shortcodeId, 'paused');
  return beginStory(app, tenant);
}

let shortcodes = 600_000;

/** In production a number belongs to one tenant. */
function freshShortcode(): string {
  shortcodes += 1;
  return String(shortcodes);
}

/** A payment that the customer ended with this result code: `0` paid, `1032` cancelled, `1` no funds. */
export async function endPayment(
  app: TestGateway,
  story: Story,
  code: string,
  body: Record<string, unknown> = {},
): Promise<Answer['body']> {
  const phone = typeof body.phone === 'string' ? body.phone : freshPhone();
  app.simulator.control.setOutcome({ phone, code });
  const { id } = await story.pay({ ...body, phone });
  await story.until(id, ({ status }) => status !== 'queued' && status !== 'submitting');
  await move(app, 5000);
  return story.until(id, ({ status }) => ['succeeded', 'failed', 'cancelled'].includes(status));
}

/** A payment whose prompt is accepted and of which nothing is heard. */
export async function pendingPayment(
  app: TestGateway,
  story: Story,
  body: Record<string, unknown> = {},
): Promise<Answer['body']> {
  const phone = freshPhone();
  app.simulator.control.setOutcome({ phone, code: 'silent' });
  const { id } = await story.pay({ ...body, phone });
  return story.until(id, 'pending');
}

/** Another key of a tenant. */
export function addKey(
  app: TestGateway,
  tenant: Pick<TestTenant, 'id'>,
  options: Partial<KeyRequest> = {},
): Promise<{ id: string; key: string }> {
  const { core } = app.gateway;
  return createKey(
    { ...core, apiKeyPepper: core.dataKeys.apiKeys },
    { tenantId: tenant.id, mode: 'test', name: 'another', scopes: [], allowedIps: [], expiresInDays: null, ...options },
  );
}

// Tells people that an endpoint fails or was disabled: operators by log, alert webhook and e-mail, the tenant by an event
// for its other endpoints. At most once an hour for one endpoint; what falls inside that hour is told when it is over,
// if it is still true. The event of a disabling is recorded with the disabling itself.

import { recordEvents } from '../events/event-store.ts';
import type { Alert } from '../platform/alerts.ts';
import { isoTime } from '../platform/clock.ts';
import { type Db, inTransaction } from '../platform/database.ts';
import type { Sealer } from '../platform/sealing.ts';
import { findTenant } from '../tenants/tenant-store.ts';
import type { Endpoint } from './endpoint.ts';
import { findNoticesAcrossTenants, lockEndpointsAcrossTenants, takeNotice, updateEndpoints } from './endpoint-store.ts';
import { endpointEvent } from './finish-deliveries.ts';
import { notices } from './policy.ts';

export interface NoticeDeps {
  db: Db;
  sealer: Sealer;
  now(): number;
  /** Never throws; not waited for. */
  alert(alert: Alert): void;
}

const mostNotices = 20;

export async function tellNotices(deps: NoticeDeps): Promise<void> {
  const toldBefore = deps.now() - notices.atMostEveryMs;
  for (const endpointId of await findNoticesAcrossTenants(deps.db, toldBefore, mostNotices)) {
    const told = await inTransaction(deps.db, (trx) => take(trx, deps, endpointId, toldBefore));
    if (told !== undefined) deps.alert(describe(told.endpoint, told.notice, told.tenantName));
  }
}

type Notice = NonNullable<Endpoint['notice']>;

async function take(
  trx: Db,
  { sealer, now }: NoticeDeps,
  endpointId: string,
  toldBefore: number,
): Promise<{ endpoint: Endpoint; notice: Notice; tenantName: string } | undefined> {
  const [endpoint] = await lockEndpointsAcrossTenants(trx, [endpointId]);
  if (endpoint === undefined || endpoint.notice === null) return undefined;
  const { notice, status } = endpoint;
  if (status === 'deleted' || (notice === 'disabled' && status !== 'disabled')) {
    await updateEndpoints(trx, [{ ...endpoint, notice: null }], now());
    return undefined;
  }
  if (!(await takeNotice(trx, endpointId, notice, toldBefore, now()))) return undefined;
  if (notice === 'failing') {
    const told = { ...endpoint, notice: null, version: endpoint.version + 1 };
    await updateEndpoints(trx, [told], now());
    await recordEvents(trx, sealer, [endpointEvent('webhook_endpoint.failing', told)], now());
  }
  const tenant = await findTenant(trx, endpoint.tenantId);
  return { endpoint, notice, tenantName: tenant?.name ?? endpoint.tenantId };
}

/** The host only: a path may hold a secret of the merchant. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an unreadable address';
}

function describe(endpoint: Endpoint, notice: Notice, tenantName: string): Alert {
  const host = hostOf(endpoint.url);
  const since = isoTime(endpoint.failingSince) ?? 'just now';
  const isGone = endpoint.disabledReason === 'gone';
  const disabled = isGone
    ? `It answered 410 Gone, so nothing more is sent to it.`
    : `It has had no success since ${since}, so nothing more is sent to it.`;
  const fields = {
    tenant_id: endpoint.tenantId,
    endpoint_id: endpoint.id,
    mode: endpoint.mode,
    host,
    failing_since: isoTime(endpoint.failingSince),
    failures: endpoint.failureCount,
  };
  if (notice === 'disabled')
    return {
      name: 'webhook.endpoint_disabled',
      title: `Webhook endpoint at ${host} was disabled`,
      lines: [
        disabled,
        `${tenantName} (${endpoint.tenantId}), endpoint ${endpoint.id}, ${endpoint.mode} mode.`,
        'Its deliveries are held, none is lost. When it works again, enable it and they go out.',
      ],
      fields,
    };
  return {
    name: 'webhook.endpoint_failing',
    title: `Webhook endpoint at ${host} is failing`,
    lines: [
      `${endpoint.failureCount} failed attempts, the first at ${since}.`,
      `${tenantName} (${endpoint.tenantId}), endpoint ${endpoint.id}, ${endpoint.mode} mode.`,
      'Deliveries are tried again on the schedule. Look at the answers in its deliveries and tell the tenant.',
    ],
    fields,
  };
}

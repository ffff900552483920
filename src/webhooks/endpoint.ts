// Where a tenant wants to be told: the words of an endpoint and the form in which the API shows it. Secrets are no part
// of it; one is shown once, when it is made.

import { isoTime } from '../platform/clock.ts';
import type { DisabledReason, EndpointHealth } from './endpoint-health.ts';

/** `deleted` is never shown; its deliveries stay readable. */
export type EndpointStatus = 'enabled' | 'paused' | 'disabled' | 'deleted';

export interface Endpoint extends EndpointHealth {
  id: string;
  tenantId: string;
  mode: 'test' | 'live';
  url: string;
  /** Types of events, or `*` alone. */
  types: readonly string[];
  description: string | null;
  status: EndpointStatus;
  disabledReason: DisabledReason | null;
  /** Grows with each event about the endpoint itself. */
  version: number;
  createdAt: number;
}

export function isSubscribed({ types }: Pick<Endpoint, 'types'>, type: string): boolean {
  return types.includes('*') || types.includes(type);
}

/** @param extra `secret` or `released`, in the answers that have them */
export function presentEndpoint(endpoint: Endpoint, extra: { secret?: string; released?: number } = {}): object {
  return {
    id: endpoint.id,
    object: 'webhook_endpoint',
    mode: endpoint.mode,
    url: endpoint.url,
    types: endpoint.types,
    description: endpoint.description,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    failing_since: isoTime(endpoint.failingSince),
    last_success_at: isoTime(endpoint.lastSuccessAt),
    created_at: isoTime(endpoint.createdAt),
    ...extra,
  };
}

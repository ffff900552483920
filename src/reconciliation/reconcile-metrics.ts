// What is counted about discrepancies: how many are open by severity, and how much money is at risk with them.

import { Gauge, type Registry } from 'prom-client';
import type { Db } from '../platform/database.ts';
import { countOpen, type OpenCount } from './discrepancy-store.ts';

/** Each gauge fetches its own values when it is read; both share one look at the database. */
export function addReconcileMetrics(registry: Registry, db: Db): void {
  const registers = [registry];
  let counting: Promise<OpenCount[]> | null = null;
  function countOnce(): Promise<OpenCount[]> {
    counting ??= countOpen(db, { tenantIds: null, mode: null }).finally(() => {
      counting = null;
    });
    return counting;
  }
  new Gauge({
    name: 'lango_discrepancies_open',
    help: 'Open discrepancies by severity',
    labelNames: ['severity'] as const,
    registers,
    async collect() {
      for (const { severity, count } of await countOnce().catch(() => [])) this.set({ severity }, count);
    },
  });
  new Gauge({
    name: 'lango_discrepancies_at_risk_kes',
    help: 'Kenya shillings at risk in open discrepancies, by severity',
    labelNames: ['severity'] as const,
    registers,
    async collect() {
      for (const { severity, atRiskCents } of await countOnce().catch(() => []))
        this.set({ severity }, atRiskCents / 100);
    },
  });
}

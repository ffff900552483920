// A discrepancy as a row: the one place that knows the columns.

import { newId } from '../platform/ids.ts';
import type { Mode } from '../tenants/api-key.ts';
import {
  type Candidate,
  type ClosedBecause,
  type Discrepancy,
  type DiscrepancyType,
  type Finding,
  type Severity,
  severityOf,
} from './discrepancy.ts';

export interface DiscrepancyRow {
  id: string;
  tenant_id: string;
  mode: Mode;
  shortcode_id: string | null;
  type: DiscrepancyType;
  severity: Severity;
  fingerprint: string;
  status: Discrepancy['status'];
  payment_id: string | null;
  line_id: string | null;
  receipt: string | null;
  day: string;
  at_risk_cents: number;
  detail: string;
  candidates: string;
  version: number;
  assignee_id: string | null;
  assignee_name: string | null;
  opened_at: number;
  checked_at: number;
  closed_at: number | null;
  closed_by: string | null;
  resolution: ClosedBecause | null;
  closed_why: string | null;
}

export function toRow(finding: Finding, fingerprint: string, now: number): Partial<DiscrepancyRow> {
  return {
    id: newId('dsc'),
    tenant_id: finding.tenantId,
    mode: finding.mode,
    shortcode_id: finding.shortcodeId,
    type: finding.type,
    severity: severityOf[finding.type],
    fingerprint,
    status: 'open',
    payment_id: finding.paymentId,
    line_id: finding.lineId,
    receipt: finding.receipt,
    day: finding.day,
    at_risk_cents: finding.atRiskCents,
    detail: finding.detail.slice(0, 500),
    candidates: JSON.stringify(finding.candidates),
    version: 1,
    opened_at: now,
    checked_at: now,
  };
}

export function toDiscrepancy(row: DiscrepancyRow): Discrepancy {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    mode: row.mode,
    shortcodeId: row.shortcode_id,
    type: row.type,
    severity: row.severity,
    fingerprint: row.fingerprint,
    status: row.status,
    paymentId: row.payment_id,
    lineId: row.line_id,
    receipt: row.receipt,
    day: row.day,
    atRiskCents: Number(row.at_risk_cents),
    detail: row.detail,
    candidates: JSON.parse(row.candidates) as Candidate[],
    version: row.version,
    assigneeId: row.assignee_id,
    assigneeName: row.assignee_name,
    openedAt: Number(row.opened_at),
    closedAt: row.closed_at,
    closedBy: row.closed_by,
    resolution: row.resolution,
    closedWhy: row.closed_why,
  };
}

// The filter of the list of discrepancies, as it stands in the address and as the store takes it. An act on all that a
// filter shows takes the very same one.

import type { ParsedUrlQuery } from 'node:querystring';
import type { Position } from '../platform/listing.ts';
import { type DiscrepancyType, type Severity, severities } from '../reconciliation/discrepancy.ts';
import type { DiscrepancyFilter } from '../reconciliation/discrepancy-store.ts';
import { isDay } from '../reconciliation/nairobi-days.ts';
import { textOf } from './form-pages.ts';
import { tenantsOf } from './reconciliation-scope.ts';
import { typeWords } from './reconciliation-words.ts';
import type { Asked } from './shell-pages.ts';

/** What was chosen; empty where nothing was. */
export interface ChosenDiscrepancies {
  type: string;
  severity: string;
  status: 'open' | 'closed';
  /** `me`, `nobody`. */
  assignee: string;
  shortcode: string;
  day: string;
}

export const discrepancyTypes = Object.keys(typeWords) as DiscrepancyType[];

export function readChosen(query: ParsedUrlQuery): ChosenDiscrepancies {
  const one = (name: string): string => textOf(query[name]) ?? '';
  return {
    type: discrepancyTypes.find((type) => type === one('type')) ?? '',
    severity: severities.find((severity) => severity === one('severity')) ?? '',
    status: one('status') === 'closed' ? 'closed' : 'open',
    assignee: ['me', 'nobody'].includes(one('assignee')) ? one('assignee') : '',
    shortcode: one('shortcode'),
    day: isDay(one('day')) ? one('day') : '',
  };
}

export function filterOf({ scope, visitor }: Asked, chosen: ChosenDiscrepancies): DiscrepancyFilter {
  const { type, severity, status, assignee, shortcode, day } = chosen;
  return {
    tenantIds: tenantsOf(scope),
    mode: scope.mode,
    status,
    types: type === '' ? undefined : [type as DiscrepancyType],
    severities: severity === '' ? undefined : [severity as Severity],
    assigneeId: assignee === 'me' ? visitor.operator.id : assignee === 'nobody' ? null : undefined,
    shortcodeId: shortcode === '' ? undefined : shortcode,
    day: day === '' ? undefined : day,
  };
}

/** What was chosen, for hidden fields and addresses. */
export function pairsOf(chosen: ChosenDiscrepancies): { name: string; value: string }[] {
  return Object.entries(chosen).flatMap(([name, value]) =>
    value === '' || (name === 'status' && value === 'open') ? [] : [{ name, value: String(value) }],
  );
}

export function readPosition(query: ParsedUrlQuery): Position | undefined {
  const match = /^(\d{1,15})\.(dsc_[0-9a-z]{26})$/.exec(textOf(query.before) ?? '');
  return match === null ? undefined : { createdAt: Number(match[1]), id: match[2]! };
}

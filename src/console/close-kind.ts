// A day that does not add up, as the approval's page tells of it: what is missing, and where the whole draft is. It is
// closed as it was when it was asked for, or not at all.

import { previewClose } from '../reconciliation/close-day.ts';
import { type ApprovalKind, fact } from './approval-kind.ts';
import { type CloseActDeps, dayOfApproval, performClose } from './close-acts.ts';
import { centsText, closeDayText, newCloseHref } from './close-view.ts';

export function closingKind(deps: CloseActDeps): ApprovalKind {
  return {
    outdatedWords: 'The day has changed since it was asked for. Nothing was done; look at it and ask again.',
    whereOf(asked, approval) {
      const { shortcodeId, day } = dayOfApproval(approval);
      return newCloseHref(shortcodeId, day, asked.scope.query);
    },
    async show(asked, approval) {
      const { shortcodeId, day } = dayOfApproval(approval);
      const { payload, stateKey } = approval;
      const href = newCloseHref(shortcodeId, day, asked.scope.query);
      const isSame =
        approval.status !== 'waiting' || (await previewClose(deps, shortcodeId, day)).stateKey === stateKey;
      return {
        title: `Approve: close ${closeDayText(day)}`,
        asks: `to close ${closeDayText(day)} of ${String(payload.shortcode)}, which does not add up`,
        facts: [
          fact('The day as it would be closed', 'Look at it', { href }),
          fact('Variance', `KES\u00a0${centsText(Number(payload.variance_cents))}`),
          fact('Critical discrepancies open', String(payload.critical_open)),
        ],
        reasonWords: null,
        approveWords: 'Agree: close the day',
        moved: isSame ? null : 'The day has changed since this was asked for.',
      };
    },
    perform: performClose(deps),
  };
}

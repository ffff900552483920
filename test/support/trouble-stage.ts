// Books in which something is wrong, for tests of pages: each call brings about one difference between M-PESA's record and
// ours, the way it comes about in life, and says which row it is.

import type { SourceLine } from '../../src/mpesa/source-line.ts';
import { addCoverage } from '../../src/reconciliation/coverage-store.ts';
import type { Discrepancy, DiscrepancyType } from '../../src/reconciliation/discrepancy.ts';
import { type Line, nairobiDay, startOfDay } from '../../src/reconciliation/line.ts';
import { matchLinesOf } from '../../src/reconciliation/match-lines.ts';
import { endOfDay } from '../../src/reconciliation/nairobi-days.ts';
import { reconcileDay } from '../../src/reconciliation/reconcile-day.ts';
import type { TestGateway } from './build-gateway.ts';
import { beginMatchStage, freshReceipt, type MatchStage, type Pushed } from './match-stage.ts';

const minute = 60_000;
const hour = 60 * minute;

export interface Difference {
  push: Pushed;
  line: Line;
  discrepancy: Discrepancy;
}

export interface Trouble {
  stage: MatchStage;
  /** Where its pages are: `?tenant=…&mode=test`. */
  query: string;
  /** Money in for an account that no payment has. */
  orphan(values?: Partial<SourceLine>): Promise<Difference>;
  /** A payment that waits for a review, because less came than was asked. */
  mismatch(): Promise<Difference>;
  /** Two payments that one line fits alike. */
  ambiguous(): Promise<Difference & { other: Pushed }>;
  /** A line that one payment fits, though its account is not shown. */
  suggested(): Promise<{ push: Pushed; line: Line }>;
  /** A payment that is paid here and that a statement of its day does not have; moves the clock to the next day. */
  missing(): Promise<{ push: Pushed; receipt: string; discrepancy: Discrepancy; day: string }>;
  /** A payment with its line. */
  matched(): Promise<{ push: Pushed; line: Line }>;
}

export async function beginTrouble(app: TestGateway): Promise<Trouble> {
  const stage = await beginMatchStage(app);
  const only = async (type: DiscrepancyType, lineId: string | null): Promise<Discrepancy> => {
    const found = (await stage.open({ type })).filter((one) => lineId === null || one.lineId === lineId);
    if (found.length !== 1) throw new Error(`${found.length} of ${type} are open`);
    return found[0]!;
  };
  async function match(push: Pushed, values: Partial<SourceLine>): Promise<Line> {
    const [line] = await stage.add(stage.lineOf(push, values));
    await matchLinesOf(stage.deps, [line!.id]);
    return stage.readLine(line!.id);
  }

  return {
    stage,
    query: `?tenant=${stage.story.tenant.id}&mode=test`,
    async orphan(values = {}) {
      const push = await stage.push();
      await app.clock.advance(20 * minute);
      const line = await match(push, { account: 'HOUSE 12', ...values });
      return { push, line, discrepancy: await only('orphan_receipt', line.id) };
    },
    async mismatch() {
      const push = await stage.push();
      const receipt = freshReceipt();
      await stage.callback(push, receipt, 1200);
      const line = await match(push, { receipt, amountCents: 120_000 });
      return { push, line, discrepancy: await only('amount_mismatch', line.id) };
    },
    async ambiguous() {
      const push = await stage.push({ reference: 'TWIN-1' });
      const other = await stage.push({ reference: 'TWIN-1' });
      const line = await match(push, { phone: null });
      return { push, other, line, discrepancy: await only('ambiguous', line.id) };
    },
    async suggested() {
      const push = await stage.push({ amount: 2100, reference: 'SHY-1' });
      const line = await match(push, { account: null, phone: null, amountCents: 210_000 });
      return { push, line };
    },
    async missing() {
      const push = await stage.push({ amount: 17_000, reference: 'FEES-188' });
      const receipt = freshReceipt();
      await stage.callback(push, receipt, 17_000);
      const day = nairobiDay(app.clock.now());
      await app.clock.advance(endOfDay(day) + 3 * hour - app.clock.now());
      const { db } = stage.deps;
      const { shortcodeId } = stage.owner;
      const told = { fromAt: startOfDay(day), toAt: endOfDay(day) + 3 * hour, now: app.clock.now() };
      await addCoverage(db, { shortcodeId, source: 'statement', ...told });
      await reconcileDay(stage.deps, { shortcodeId, day });
      return { push, receipt, day, discrepancy: await only('missing_at_provider', null) };
    },
    async matched() {
      const push = await stage.push({ amount: 900, reference: `OK-${stage.announced.length}` });
      const receipt = freshReceipt();
      await stage.callback(push, receipt, 900);
      return { push, line: await match(push, { receipt, amountCents: 90_000 }) };
    },
  };
}

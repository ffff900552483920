// One payment heard of by callback, C2B, Pull and statement, in every order and by several workers at once: one receipt,
// one success, one word to the merchant.

import { expect } from 'chai';
import { isDatabaseAway, openDatabase } from '../../../src/platform/database.ts';
import { matchDueLines, matchLinesOf } from '../../../src/reconciliation/match-lines.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { beginMatchStage, freshReceipt, type MatchStage, type Pushed } from '../../support/match-stage.ts';
import { beginStory, sendCallback, silentPhone } from '../../support/payment-story.ts';

const sources = ['callback', 'c2b', 'pull', 'statement'] as const;
type Source = (typeof sources)[number];

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item) => ordersOf(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

describe('matching: what is heard of one payment', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  const events = (stage: MatchStage, paymentId: string) =>
    stage.deps.db('events').where({ object_id: paymentId }).orderBy('id').pluck('type');

  describe('in all 24 orders', () => {
    let stage: MatchStage;
    before(async () => {
      const story = await beginStory(app);
      stage = await beginMatchStage(app, story);
    });

    for (const order of ordersOf(sources)) {
      it(`${order.join(', ')}: one receipt, the same end, one payment.succeeded`, async () => {
        const phone = silentPhone(app);
        const { id } = await stage.story.pay({ phone, amount: 1500 });
        await stage.story.until(id, 'pending');
        const receipt = freshReceipt();
        const pushed = { id, phone, reference: 'INV-1', at: app.clock.now() };
        const hear: Record<Source, () => Promise<unknown>> = {
          callback: () => sendCallback(app, phone, { resultCode: '0', receipt, amount: 1500 }),
          c2b: () => tell('c2b'),
          pull: () => tell('pull', { phone }),
          statement: () => tell('statement', { balanceCents: 900_000 }),
        };
        async function tell(source: Exclude<Source, 'callback'>, values = {}): Promise<void> {
          await stage.add(stage.lineOf(pushed, { source, receipt, ...values }));
          await matchDueLines(stage.deps);
        }
        for (const source of order) {
          await app.clock.advance(1000);
          await hear[source]();
        }
        await matchDueLines(stage.deps);

        expect(await stage.deps.db('receipts').where({ receipt }).pluck('payment_id')).to.deep.equal([id]);
        const { status, mpesaReceipt, amountReceivedKes, flags, confirmedBy } = await stage.read(id);
        expect({ status, mpesaReceipt, amountReceivedKes, flags }).to.deep.equal({
          status: 'succeeded',
          mpesaReceipt: receipt,
          amountReceivedKes: 1500,
          flags: [],
        });
        expect(confirmedBy).to.equal(order[0]);
        expect(await events(stage, id)).to.deep.equal(['payment.pending', 'payment.succeeded']);
        const lines = await stage.deps
          .db('statement_lines')
          .where({ receipt })
          .select('status', 'payment_id', 'due_at');
        expect(lines).to.have.length(3);
        for (const line of lines) expect(line).to.include({ status: 'matched', payment_id: id, due_at: null });
        const heard = await stage.deps.db('evidence').where({ payment_id: id, receipt }).pluck('source');
        expect(heard).to.have.members([...sources]);
        expect(await stage.open()).to.have.length(0);
      });
    }
  });

  describe('by two workers at once', function () {
    this.timeout(60_000);
    let stage: MatchStage;
    let other: MatchStage['deps'];
    beforeEach(async () => {
      stage = await beginMatchStage(app);
      other = { ...stage.deps, db: openDatabase(app.config.databaseUrl) };
    });
    afterEach(() => other.db.destroy());

    /** SQLite has one writer, and gives up after a while: a worker's next sweep, or Safaricom, comes again. */
    async function patiently<T>(work: () => Promise<T>): Promise<T> {
      const deadline = Date.now() + 30_000;
      for (;;) {
        try {
          return await work();
        } catch (thrown) {
          if (!isDatabaseAway(thrown) || Date.now() > deadline) throw thrown;
        }
      }
    }

    /** Two workers, each with connections of its own, until nothing is due. */
    async function matchByBoth(): Promise<void> {
      const work = async (deps: MatchStage['deps']): Promise<void> => {
        while ((await patiently(() => matchDueLines(deps, 6))) > 0);
      };
      await Promise.all([work(stage.deps), work(other), work(other), work(stage.deps)]);
      await work(stage.deps);
    }

    async function expectPaidOnce({ id }: Pushed, linesTold: number): Promise<void> {
      const payment = await stage.read(id);
      expect(payment.status).to.equal('succeeded');
      const receipts = await stage.deps.db('receipts').where({ payment_id: id }).pluck('receipt');
      expect(receipts).to.deep.equal([payment.mpesaReceipt]);
      expect((await events(stage, id)).filter((type: string) => type === 'payment.succeeded')).to.have.length(1);
      const lines = await stage.deps.db('statement_lines').where({ payment_id: id }).select('receipt', 'status');
      expect(lines).to.have.length(linesTold);
      for (const line of lines) expect(line).to.include({ receipt: payment.mpesaReceipt, status: 'matched' });
      // Each line is evidence once.
      const told = stage.deps.db('evidence').where({ payment_id: id }).whereIn('source', ['c2b', 'pull', 'statement']);
      expect(await told.pluck('id')).to.have.length(linesTold);
    }

    it('three sources of a receipt match one payment, each once', async () => {
      const pushes: Pushed[] = [];
      for (let count = 0; count < 12; count += 1) pushes.push(await stage.push());
      for (const pushed of pushes) {
        const receipt = freshReceipt();
        for (const source of ['c2b', 'pull', 'statement'] as const)
          await stage.add(stage.lineOf(pushed, { source, receipt }));
      }
      await matchByBoth();
      for (const pushed of pushes) await expectPaidOnce(pushed, 3);
    });

    it('of two receipts for one payment, one is given it and the other is not', async () => {
      const pushes: Pushed[] = [];
      for (let count = 0; count < 12; count += 1) pushes.push(await stage.push());
      for (const round of [1, 2])
        for (const pushed of pushes) await stage.add(stage.lineOf(pushed, { completedAt: pushed.at + round * 20_000 }));
      await matchByBoth();
      for (const pushed of pushes) await expectPaidOnce(pushed, 1);
      const rest = await stage.deps
        .db('statement_lines')
        .where({ shortcode_id: stage.owner.shortcodeId, status: 'new' });
      expect(rest).to.have.length(pushes.length);
    });

    it('a line and the callback of the same receipt at once settle the payment once', async () => {
      const pushes: Pushed[] = [];
      for (let count = 0; count < 12; count += 1) pushes.push(await stage.push());
      await Promise.all(
        pushes.flatMap((pushed, index) => {
          const receipt = freshReceipt();
          const tell = async (): Promise<void> => {
            const [line] = await patiently(() => stage.add(stage.lineOf(pushed, { receipt })));
            await patiently(() => matchLinesOf(index % 2 === 0 ? other : stage.deps, [line!.id]));
          };
          return [patiently(() => stage.callback(pushed, receipt)), tell()];
        }),
      );
      await matchByBoth();
      for (const pushed of pushes) await expectPaidOnce(pushed, 1);
    });
  });
});

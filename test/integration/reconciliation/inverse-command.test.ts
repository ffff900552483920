// `lango reconcile run` as a process, and what /metrics says of open discrepancies.

import { expect } from 'chai';
import { nairobiDay } from '../../../src/reconciliation/line.ts';
import { matchLinesOf } from '../../../src/reconciliation/match-lines.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { type Ended, lango } from '../../support/lango-command.ts';
import { beginMatchStage, freshReceipt, type MatchStage } from '../../support/match-stage.ts';
import { minutes } from '../../support/payment-evidence.ts';

describe('lango reconcile run', function () {
  this.timeout(120_000);
  let app: TestGateway;
  let stage: MatchStage;
  before(async () => {
    app = await buildGateway();
    stage = await beginMatchStage(app);
  });
  after(() => app.close());

  function run(...args: string[]): Promise<Ended> {
    const { databaseUrl, dataDir } = app.config;
    const masterKey = app.gateway.core.masterKeys.map((key) => key.toString('base64')).join(',');
    const env = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, MASTER_KEY: masterKey, NODE_ENV: 'test' };
    return lango(['reconcile', 'run', ...args], env);
  }

  it('answers how the day stands, and refuses what is no day and no shortcode', async () => {
    const day = nairobiDay(app.clock.now());
    const matched = await stage.push();
    const receipt = freshReceipt();
    await stage.callback(matched, receipt);
    const waiting = await stage.push();
    await stage.callback(waiting, freshReceipt());
    const suggested = await stage.push();
    const wrong = await stage.push();
    const wrongReceipt = freshReceipt();
    await stage.callback(wrong, wrongReceipt);
    await stage.add(
      stage.lineOf(matched, { receipt }),
      stage.lineOf(matched, { receipt, source: 'pull' }),
      stage.lineOf(suggested, { account: null, amountCents: 150_000 }),
      stage.lineOf(wrong, { receipt: wrongReceipt, amountCents: 100_000 }),
    );
    const ofShortcode = ['--shortcode', stage.owner.shortcodeId];
    const first = await run(...ofShortcode, '--date', day, '--json');
    expect(first.errors).to.equal('');
    expect(JSON.parse(first.output)).to.deep.equal({
      matched: 1,
      suggested: 1,
      expected: 1,
      discrepancies: { amount_mismatch: 1 },
    });
    expect(first.status).to.equal(0);
    expect((await run(...ofShortcode, '--date', '2026-02-30')).status).to.equal(2);
    const unknown = await run('--shortcode', 'sc_none', '--date', day);
    expect(unknown).to.include({ status: 1, errors: 'There is no such shortcode.\n' });
  });

  it('/metrics says how many are open and what is at risk, by severity', async () => {
    const other = await beginMatchStage(app);
    const pushed = await other.push();
    await app.clock.advance(30 * minutes);
    const [line] = await other.add(other.lineOf(pushed, { account: 'HOUSE 12' }));
    await matchLinesOf(other.deps, [line!.id]);
    const { text } = await app.call('/metrics');
    expect(text).to.contain('lango_discrepancies_open{severity="critical"} 1');
    expect(text).to.contain('lango_discrepancies_open{severity="high"} 1');
    expect(text).to.contain('lango_discrepancies_open{severity="info"} 0');
    expect(text).to.contain('lango_discrepancies_at_risk_kes{severity="critical"} 500');
    expect(text).to.contain('lango_discrepancies_at_risk_kes{severity="high"} 1500');
  });
});

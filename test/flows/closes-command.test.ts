// `lango closes`: a day is looked at, closed, exported and verified on the command line, and is written down by `cli`; a
// day that does not add up waits for a second person; what was changed behind the database's back is named.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { composeCore } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { addShortcode } from '../../src/mpesa/manage-shortcodes.ts';
import { listAudit } from '../../src/platform/audit-store.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { addLines } from '../../src/reconciliation/line-store.ts';
import { createTenant } from '../../src/tenants/manage-tenants.ts';
import { nairobi } from '../support/books-stage.ts';
import { sandboxPasskey } from '../support/build-gateway.ts';
import { freshDatabase, lango } from '../support/lango-command.ts';

const [sunday, monday] = ['2026-01-04', '2026-01-05'] as const;

describe('lango closes', function () {
  this.timeout(180_000);
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  let env: Record<string, string>;
  let shortcode: string;

  before(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'closes-command-'));
    database = await freshDatabase(folder);
    env = { DATABASE_URL: database.url, DATA_DIR: folder, AUTO_MIGRATE: 'true' };
    shortcode = await addBooks();
  });
  after(async () => {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A shortcode with a charge on Sunday, and on Monday money that no payment is for; its id. */
  async function addBooks(): Promise<string> {
    const core = await composeCore(readConfig(env), { logger: silentLogger });
    try {
      const { id: tenantId } = await createTenant(core, 'Duka');
      const credentials = { consumer_key: 'key', consumer_secret: 'secret', passkey: sandboxPasskey };
      const number = {
        mode: 'test',
        kind: 'paybill',
        shortcode: '174379',
        till: null,
        environment: 'simulator',
      } as const;
      const deps = { ...core, blindIndexKey: core.dataKeys.blindIndex };
      const { id } = await addShortcode(deps, { tenantId, ...number, isDefault: true, credentials });
      const owner = { tenantId, mode: 'test', shortcodeId: id, environment: 'simulator', shortcode: '174379' } as const;
      const plain = {
        source: 'statement',
        linkedReceipt: null,
        account: null,
        phone: null,
        payerName: null,
        raw: '',
      } as const;
      const lines = [
        {
          kind: 'charge',
          receipt: 'UJ1',
          amountCents: -5_00,
          balanceCents: 95_00,
          completedAt: nairobi(`${sunday} 09:00:00`),
        },
        {
          kind: 'payment',
          receipt: 'UJ2',
          amountCents: 70_00,
          balanceCents: 165_00,
          completedAt: nairobi(`${monday} 09:00:00`),
        },
      ] as const;
      await addLines(
        core.db,
        core.sealer,
        owner,
        lines.map((line) => ({ ...plain, ...line, details: null })),
        { now: core.now() },
      );
      await core.db('statement_lines').where({ kind: 'payment' }).update({ status: 'orphan', due_at: null });
      return id;
    } finally {
      await core.close();
    }
  }

  async function run(...args: string[]) {
    const { status, output, errors } = await lango(['closes', ...args], env);
    return { status, output, errors, json: output.startsWith('{') ? JSON.parse(output) : null };
  }
  const make = (date: string, ...more: string[]) => run('make', '--shortcode', shortcode, '--date', date, ...more);

  it('says what a close would write, and writes nothing', async () => {
    const dry = await make(sunday, '--dry-run', '--json');
    expect(dry.status, dry.errors).to.equal(0);
    expect(dry.json).to.deep.include({ date: sunday, clean: true, variance_cents: 0, obstacle: null });
    expect(dry.json.draft.movements.charge).to.deep.equal({ count: 1, cents: -500 });
    const words = await make(monday, '--dry-run');
    expect(words.output).to.contain('Money in that no payment accounts for').and.contain('70.00');
    expect(words.output).to.contain(`It cannot be closed now: Close ${sunday} first`);
    const verified = await run('verify', '--json');
    expect(verified.json).to.deep.equal({ intact: true, days: 0 });
  });

  it('closes a day, names its hash, and gives it as a file', async () => {
    const early = await run('export', '--shortcode', shortcode, '--date', sunday);
    expect([early.status, early.errors]).to.deep.equal([1, `${sunday} is not closed.\n`]);
    const closed = await make(sunday, '--json');
    expect(closed.status, closed.errors).to.equal(0);
    expect(closed.json).to.include({ status: 'closed', clean: true });
    const file = await run('export', '--shortcode', shortcode, '--date', sunday);
    expect(file.output).to.match(/^\ufeffSection,Item,Lines,KES,Note\r\n/);
    expect(file.output).to.contain('What M-PESA says moved,Charges,1,-5,').and.contain(closed.json.hash);
    const again = await make(sunday);
    expect(again.status).to.equal(1);
    expect(again.errors).to.contain('closed already');
  });

  it('asks a second person where a day does not add up, with a reason', async () => {
    const silent = await make(monday, '--json');
    expect(silent.status).to.equal(1);
    expect(silent.errors).to.contain('Write why');
    const asked = await make(monday, '--reason', 'Paid at the till.', '--json');
    expect(asked.json).to.include({ status: 'asked', variance_cents: 7000 });
    expect(asked.json.approval).to.match(/^apr_/);
    const db = openDatabase(database.url, 2);
    try {
      expect(await db('daily_closes').pluck('day')).to.deep.equal([sunday]);
      const rows = await listAudit(db, { tenantId: null, limit: 10 });
      expect(rows.map(({ action, actor }) => `${action} ${actor}`)).to.deep.equal([
        'day.close_requested cli',
        'day.closed cli',
      ]);
    } finally {
      await db.destroy();
    }
  });

  it('verifies, and exits with 1 and the first broken day', async () => {
    const intact = await run('verify', '--shortcode', shortcode);
    expect([intact.status, intact.output]).to.deep.equal([0, '1 closed day is as it was closed.\n']);
    const db = openDatabase(database.url, 2);
    try {
      await db.raw('DROP TRIGGER daily_closes_no_update');
      await db('daily_closes').update({ body: '{}' });
    } finally {
      await db.destroy();
    }
    const broken = await run('verify', '--json');
    expect(broken.status).to.equal(1);
    expect(broken.json).to.deep.equal({
      intact: false,
      shortcode,
      date: sunday,
      why: 'its body does not fit its hash',
    });
  });
});

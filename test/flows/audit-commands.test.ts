// What is done on the command line is written down like what is done on a page, in the same transaction; and
// `lango audit verify` finds what was changed behind the log's back.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { listAudit } from '../../src/platform/audit-store.ts';
import { openDatabase } from '../../src/platform/database.ts';
import { sandboxPasskey } from '../support/build-gateway.ts';
import { freshDatabase, lango } from '../support/lango-command.ts';

describe('lango commands and the audit log', function () {
  this.timeout(180_000);
  let folder: string;
  let database: { url: string; drop(): Promise<void> };
  let env: Record<string, string>;
  const secrets: string[] = ['consumer-of-ours', 'secret-of-ours', sandboxPasskey, 'correct horse battery staple'];

  before(async () => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'audit-commands-'));
    database = await freshDatabase(folder);
    env = { DATABASE_URL: database.url, DATA_DIR: folder, AUTO_MIGRATE: 'true' };
  });
  after(async () => {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(args: string[], input = ''): Promise<Record<string, string>> {
    const { status, output, errors } = await lango([...args, '--json'], env, input);
    expect(status, errors).to.equal(0);
    return JSON.parse(output);
  }

  it('every command that changes something leaves a line by `cli`, without a secret', async () => {
    const tenant = await run(['tenants', 'create', '--name', 'Duka']);
    await run(['tenants', 'disable', '--id', tenant.id!, '--reason', 'Not paid.']);
    await run(['tenants', 'enable', '--id', tenant.id!]);
    const credentials = { consumer_key: secrets[0], consumer_secret: secrets[1], passkey: secrets[2] };
    const add = ['shortcodes', 'add', '--tenant', tenant.id!, '--mode', 'test', '--kind', 'paybill'];
    const shortcode = await run([...add, '--shortcode', '174379', '--credentials', '-'], JSON.stringify(credentials));
    await run(['shortcodes', 'pause', '--id', shortcode.id!]);
    await run(['shortcodes', 'resume', '--id', shortcode.id!]);
    const key = await run(['keys', 'create', '--tenant', tenant.id!, '--mode', 'test', '--name', 'app']);
    await run(['keys', 'revoke', '--id', key.id!]);
    const first = await run(['operators', 'link']);
    const asha = ['operators', 'create', '--email', 'asha@lango.example', '--role', 'owner'];
    await run(asha, `${secrets[3]}\n`);
    const link = await run(['operators', 'link', '--email', 'asha@lango.example']);
    await run(['master-key', 'rotate']);
    secrets.push(key.key!.split('_')[3]!, first.link!.split('/').at(-1)!, link.link!.split('/').at(-1)!);

    const db = openDatabase(database.url, 2);
    try {
      const rows = (await listAudit(db, { tenantId: null, limit: 100 })).reverse();
      expect(rows.map(({ action }) => action)).to.deep.equal([
        'tenant.created',
        'tenant.disabled',
        'tenant.enabled',
        'shortcode.added',
        'shortcode.paused',
        'shortcode.resumed',
        'key.created',
        'key.revoked',
        'operator.owner_link_made',
        'operator.created',
        'operator.link_made',
        'master_key.rotation_started',
      ]);
      for (const { actor, actorName } of rows) {
        expect(actor).to.equal('cli');
        expect(actorName).to.match(/^\S.* on the command line$/);
      }
      expect(rows[1]).to.include({ reason: 'Not paid.', tenantId: tenant.id, target: tenant.id });
      const text = JSON.stringify(await db('audit_log'));
      for (const secret of secrets) expect(text).not.to.contain(secret);
    } finally {
      await db.destroy();
    }
  });

  it('a command that is refused leaves no line', async () => {
    for (const args of [
      ['tenants', 'disable', '--id', 'ten_none'],
      ['keys', 'revoke', '--id', 'key_none'],
      ['operators', 'create', '--email', 'nobody', '--role', 'viewer'],
    ])
      expect((await lango(args, env)).status).to.equal(1);
    expect(await run(['audit', 'verify'])).to.deep.equal({ intact: true, rows: 12 });
  });

  it('`lango audit verify` exits with 1 and names the row that was changed behind the triggers', async () => {
    const db = openDatabase(database.url, 2);
    try {
      await db.raw('DROP TRIGGER audit_log_no_update');
      await db('audit_log').where({ seq: 5 }).update({ reason: 'somebody else did it' });
    } finally {
      await db.destroy();
    }
    const asked = await lango(['audit', 'verify', '--json'], env);
    expect(asked.status).to.equal(1);
    expect(JSON.parse(asked.output)).to.include({ intact: false, broken_row: 5 });
    const inWords = await lango(['audit', 'verify'], env);
    expect(inWords.status).to.equal(1);
    expect(inWords.output).to.contain('broken at row 5');
  });
});

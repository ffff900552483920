// `lango master-key rotate`: when it refuses, what it does with the key file, and when it says that the old key may go.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { rotateMasterKey } from '../../../scripts/rotate-master-key.ts';
import { composeCore } from '../../../src/compose.ts';
import { type Config, readConfig } from '../../../src/config.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { createTenant } from '../../../src/tenants/manage-tenants.ts';

describe('lango master-key rotate', () => {
  let folder: string;
  let said: string[];
  const env = (more: Record<string, string> = {}): Config =>
    readConfig({ NODE_ENV: 'test', DATA_DIR: folder, ...more });
  const rotate = (config: Config, dropOld = false) => rotateMasterKey(config, dropOld, (line) => said.push(line));
  const ring = (): string[] => readFileSync(join(folder, 'master.key'), 'utf8').trim().split(',');
  const refusal = (config: Config): Promise<string> =>
    rotate(config).then(
      () => '',
      (thrown: Error) => thrown.message,
    ); // prettier-ignore
  const start = async (config: Config): Promise<void> => {
    const core = await composeCore(config, { logger: silentLogger });
    await createTenant(core, 'Duka');
    await core.close();
  };
  const noteWorker = async (config: Config, startedAt: number): Promise<void> => {
    const core = await composeCore(config, { logger: silentLogger });
    await core
      .db('workers')
      .insert({ id: `w${startedAt}`, host: 'h', version: '0', started_at: startedAt, seen_at: Date.now() });
    await core.close();
  };

  beforeEach(() => {
    folder = mkdtempSync(join(process.env.TEST_DATA_DIR ?? tmpdir(), 'rotate-'));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('with a key file: puts a new key in front, seals everything with it, and drops the old one when asked', async () => {
    await start(env());
    const [old] = ring();
    const first = await rotate(env());
    expect(first).to.deep.include({ resealed: 1, oldKeysRemovable: true, keysDropped: 0 });
    expect(ring()).to.have.length(2);
    expect(ring()[1]).to.equal(old);
    expect(statSync(join(folder, 'master.key')).mode & 0o777).to.equal(0o600);
    expect(existsSync(join(folder, 'master.key.writing'))).to.equal(false);

    const second = await rotate(env(), true);
    expect(second).to.deep.include({ resealed: 0, keysDropped: 1 });
    expect(ring()).to.have.length(1).and.not.include(old);
    await start(env());
  });

  it('never says a key', async () => {
    await start(env());
    await rotate(env());
    const text = said.join('\n');
    for (const key of ring()) expect(text).not.to.contain(key.slice(0, 12));
    expect(text).to.contain('data_keys: looked at 1 of 1, sealed 1 anew');
    expect(text).to.contain('Nothing is sealed with an older key any more');
  });

  it('with a key file: refuses while a server runs that would not know the new key, and changes nothing', async () => {
    await start(env());
    await noteWorker(env(), Date.now() - 60_000);
    expect(await refusal(env())).to.contain('A server is running');
    expect(ring()).to.have.length(1);
  });

  it('with a key file: goes on beside a server that was started with the new key, not beside an older one', async () => {
    await start(env());
    const [old] = ring();
    writeFileSync(join(folder, 'master.key'), `${randomBytes(32).toString('base64')},${old}\n`);
    await noteWorker(env(), Date.now() + 1000);
    expect(await rotate(env())).to.include({ resealed: 1 });
    await noteWorker(env(), Date.now() - 60_000);
    expect(await refusal(env())).to.contain('before the key file was changed');
  });

  it('with a key file: refuses beside another rotation that is writing it', async () => {
    await start(env());
    writeFileSync(join(folder, 'master.key.writing'), '');
    expect(await refusal(env())).to.contain('another rotation');
    expect(ring()).to.have.length(1);
  });

  it('with MASTER_KEY: wants two keys, then needs only the new one', async () => {
    const [newer, older] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
    await start(env({ MASTER_KEY: older }));
    expect(await refusal(env({ MASTER_KEY: older }))).to.contain('nothing to rotate to');
    expect(await rotate(env({ MASTER_KEY: `${newer},${older}` }))).to.include({ resealed: 1, oldKeysRemovable: true });
    expect(await rotate(env({ MASTER_KEY: `${newer},${older}` }))).to.include({ resealed: 0 });
    await start(env({ MASTER_KEY: newer }));
    expect(existsSync(join(folder, 'master.key'))).to.equal(false);
  });

  it('keeps the old key while callbacks wait in the spool', async () => {
    await start(env());
    mkdirSync(join(folder, 'spool'));
    writeFileSync(join(folder, 'spool', '000000000000001-aa.sealed'), 'box');
    const done = await rotate(env(), true);
    expect(done).to.include({ oldKeysRemovable: false, keysDropped: 0 });
    expect(ring()).to.have.length(2);
    expect(said.join('\n')).to.contain('1 callback(s) wait');
  });
});

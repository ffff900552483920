// The note of when a key was last used, which several servers write at their own pace.

import { expect } from 'chai';
import { saveKeyUses } from '../../../src/tenants/tenant-store.ts';
import { buildGateway, type TestGateway } from '../../support/build-gateway.ts';
import { addKey } from '../../support/payment-states.ts';

describe('saveKeyUses', () => {
  let app: TestGateway;
  before(async () => {
    app = await buildGateway();
  });
  after(() => app.close());

  const usesOf = (keyId: string) => app.gateway.core.db('api_key_uses').where({ key_id: keyId }).orderBy('scope');

  it('keeps one time for each scope of each key', async () => {
    const { db } = app.gateway.core;
    const { id: keyId } = await addKey(app, app.tenant);
    await saveKeyUses(db, [
      { keyId, scope: 'events:read', lastUsedAt: 1000 },
      { keyId, scope: 'payments:read', lastUsedAt: 1000 },
    ]);
    await saveKeyUses(db, [{ keyId, scope: 'payments:read', lastUsedAt: 2000 }]);
    const rows = await usesOf(keyId);
    expect(
      rows.map(({ scope, last_used_at }: { scope: string; last_used_at: number }) => [scope, last_used_at]),
    ).to.deep.equal([
      ['events:read', 1000],
      ['payments:read', 2000],
    ]);
  });

  // A slow server once moved the time back that a quicker one had written.
  it('never moves a time back', async () => {
    const { db } = app.gateway.core;
    const { id: keyId } = await addKey(app, app.tenant);
    await saveKeyUses(db, [{ keyId, scope: 'payments:read', lastUsedAt: 2000 }]);
    await saveKeyUses(db, [{ keyId, scope: 'payments:read', lastUsedAt: 1000 }]);
    const [row] = await usesOf(keyId);
    expect(row.last_used_at).to.equal(2000);
  });
});

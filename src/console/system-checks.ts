// The configuration check of the System page: what `lango doctor` looks at without asking Safaricom anything. Each check
// says what was found and what to do about it; one that fails to run is a problem itself.

import { checkCallbackUrl } from '../mpesa/callback-url-rules.ts';
import { listEnvironmentsAcrossTenants } from '../mpesa/diagnosis-store.ts';
import { type Check, ok, problem, warning } from '../platform/check-report.ts';
import {
  type CheckedSettings,
  checkClock,
  checkDatabase,
  checkDataFolder,
  checkMasterKey,
  checkRedis,
} from '../platform/check-services.ts';
import type { Db } from '../platform/database.ts';
import type { DatabaseFacts } from '../platform/diagnosis-store.ts';
import { messageOf } from '../platform/errors.ts';
import type { RedisConnections } from '../platform/redis.ts';
import type { Sealer } from '../platform/sealing.ts';

export interface SystemCheckDeps {
  db: Db;
  sealer: Sealer;
  redis: RedisConnections | null;
  publicUrl: string;
  settings: CheckedSettings & { nodeEnv: string; roles: readonly string[] };
}

export async function checkSystem(deps: SystemCheckDeps): Promise<{ checks: Check[]; facts: DatabaseFacts | null }> {
  const { db, sealer, redis, publicUrl, settings } = deps;
  const { checks: ofDatabase, facts } = await checkDatabase(db, settings);
  const clocks = facts?.nowMs == null ? [] : [{ who: 'the database', theirMs: facts.nowMs, ourMs: Date.now() }];
  const checks = [
    ok('configuration', `${settings.nodeEnv}, roles ${settings.roles.join(', ')}`),
    await attempt('data folder', () => checkDataFolder(settings)),
    ...ofDatabase,
    await attempt('master key', () => checkMasterKey(settings, db, sealer)),
    ...(await checkSharing(deps)),
    ...(clocks.length === 0 ? [] : [checkClock(clocks)]),
    ...checkUrl(publicUrl, await listEnvironmentsAcrossTenants(db)),
  ];
  return { checks, facts };

  async function checkSharing({ settings: { redisUrl } }: SystemCheckDeps): Promise<Check[]> {
    if (redis !== null) return [await checkRedis(redis)];
    if (facts?.engine === 'SQLite' || redisUrl !== null) return [];
    return [warning('redis', 'there is none', 'Enough for one process. Set REDIS_URL before you start a second one.')];
  }
}

async function attempt(name: string, check: () => Promise<Check>): Promise<Check> {
  try {
    return await check();
  } catch (thrown) {
    return problem(name, messageOf(thrown), 'Run `lango doctor` on the server.');
  }
}

function checkUrl(publicUrl: string, environments: Parameters<typeof checkCallbackUrl>[1]): Check[] {
  const findings = checkCallbackUrl(publicUrl, environments);
  if (findings.length === 0) return [ok('callback URL', publicUrl)];
  const advice = 'Set PUBLIC_URL to a public https address in small letters, for example https://pay.example.co.ke';
  return findings.map(({ severity, detail }) => ({ name: 'callback URL', status: severity, detail, advice }));
}

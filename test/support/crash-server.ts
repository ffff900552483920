// A gateway in a process of its own, for tests that kill it. `CLOCK_AHEAD_MS` sets its clock forward, so that a process
// which is started after a crash finds leases over and askings due without anybody waiting for them. `DIE_AT` names the
// step of a webhook at which it kills itself.

import { readConfig } from '../../src/config.ts';
import { startServer } from '../../src/main.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { atWebhookStep, isWebhookStep } from './webhook-steps.ts';

const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0);
const lastStep = process.env.DIE_AT;
const server = await startServer(readConfig(), {
  clock: { now: () => systemClock.now() + aheadMs, after: systemClock.after },
});
if (isWebhookStep(lastStep))
  atWebhookStep(server.gateway.core.db, lastStep, () => process.kill(process.pid, 'SIGKILL'));
process.send?.({ url: server.url });

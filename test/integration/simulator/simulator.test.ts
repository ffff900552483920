// The simulator as a whole: where it refuses to run, its pace, its bounds, and that nothing sent to it brings it down.
// It stands in for Safaricom in every other test, so it must not be the thing that fails.

import { createConnection } from 'node:net';
import { expect } from 'chai';
import { silentLogger } from '../../../src/platform/logger.ts';
import { createSimulator } from '../../../src/simulator/simulator.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import type { Stage } from './stage.ts';
import { openStage, stkCallback, to } from './stage.ts';

describe('the simulator', () => {
  it('refuses to exist where NODE_ENV is production', () => {
    const deps = { clock: createManualClock(), logger: silentLogger, nodeEnv: 'production' };
    expect(() => createSimulator(deps)).to.throw('production');
  });

  it('refuses settings that make no sense', () => {
    const deps = { clock: createManualClock(), logger: silentLogger, nodeEnv: 'test' };
    expect(() => createSimulator(deps, { speed: 0 })).to.throw(RangeError);
    expect(() => createSimulator(deps, { settings: { queryNoise: 2 } })).to.throw();
  });

  it('is ten times faster at speed 10, but for the time people have', async () => {
    const stage = await openStage({ speed: 10 });
    await stage.push();
    await stage.push(to('254722000001'));
    await stage.clock.advance(300);
    await stage.simulator.control.callbacksDone();
    expect(stage.callbacks).to.have.length(1);
    expect(stage.simulator.control.openPrompts()).to.have.length(1);
    await stage.close();
  });

  it('has Daraja’s pace when realistic', async () => {
    const stage = await openStage({ pace: 'realistic', seed: 1, settings: { queryLimitPerMinute: 0 } });
    const waiting = stage.push();
    let waitedMs = 0;
    for (; stage.simulator.ledger.received[0]?.status == null; waitedMs += 100) await stage.clock.advance(100);
    expect((await waiting).status).to.equal(200);
    // The token and the push each take 300 to 900 ms.
    expect(waitedMs).to.be.within(600, 2_000);
    await stage.close();
  });

  it('survives garbage of every kind', async () => {
    const stage = await openStage();
    const token = await stage.token();
    const paths = ['/mpesa/stkpush/v1/processrequest', '/mpesa/stkpushquery/v1/query', '/control/faults', '/%ff', '//'];
    const bodies = ['', 'null', '[]', '{"Amount":{}}', '\u0000\uffff', '{"__proto__":{"x":1}}', '"'.repeat(70_000)];
    for (const path of paths) {
      for (const body of bodies) {
        const answer = await stage.post(path, body, { Authorization: `Bearer ${token}` });
        expect(answer.status, `${path} ${body.slice(0, 20)}`).to.be.within(400, 404);
      }
    }
    await sendRaw(stage, 'GARBAGE\r\n\r\n');
    await sendRaw(stage, 'POST /mpesa/stkpush/v1/processrequest HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{');
    expect((await stage.push()).status).to.equal(200);
    await stage.close();
  });

  it('forgets the oldest rows and keeps the counts', async () => {
    const stage = await openStage();
    const { ledger } = stage.simulator;
    const { json } = await stage.push();
    const push = ledger.findPush(String(json.CheckoutRequestID))!;
    for (let serial = 2; serial <= 20_001; serial++) {
      ledger.addPush({ ...push, serial, checkoutRequestId: `ws_CO_${serial}` });
      ledger.note(0, `line ${serial}`, null);
    }
    expect(ledger.pushes).to.have.length(20_000);
    expect(ledger.counts.pushes).to.equal(20_001);
    expect(ledger.findPush(push.checkoutRequestId)).to.equal(undefined);
    expect(ledger.pushesOf(push.request.phone)).to.have.length(20_000);
    expect(ledger.log).to.have.length(4_000);
    await stage.close();
  });

  it('closes while answers and callbacks are on their way', async () => {
    const stage = await openStage();
    stage.receiver.status = 'silent';
    await stage.push();
    await stage.clock.advance(3_000);
    stage.simulator.control.setFault({ group: 'push', fault: 'slow', reach: 'next' });
    const waiting = stage.push({ Amount: 2 }).catch((error: unknown) => error);
    await stage.simulator.ledger.until(({ counts }) => counts.pushes === 2);
    await stage.close();
    expect(await waiting).to.be.instanceOf(TypeError);
  });

  it('is as new after a reset', async () => {
    const stage = await openStage();
    const { control, ledger } = stage.simulator;
    await stage.push();
    control.setFault({ group: 'push', fault: 'lost', reach: 'all' });
    control.setOutcome({ code: '1', next: 3 });
    control.changeSettings({ ackMs: 5_000 });
    control.reset();
    expect(ledger.pushes).to.deep.equal([]);
    expect(control.settings.ackMs).to.equal(0);
    await stage.clock.advance(60_000);
    expect(ledger.counts.callbacks).to.equal(0);
    await stage.push({}, await stage.token());
    await stage.clock.advance(3_000);
    await control.callbacksDone();
    expect(stkCallback(stage.callbacks[0]).ResultCode).to.equal(0);
    await stage.close();
  });
});

function sendRaw(stage: Stage, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection(Number(new URL(stage.url).port), '127.0.0.1', () => {
      socket.write(text);
      setImmediate(() => socket.destroy());
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

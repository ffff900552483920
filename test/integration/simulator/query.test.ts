// The simulator's query against daraja.md section 3: no answer yet in its four shapes, the result, the limit, and the
// errors that come after the result.

import { expect } from 'chai';
import type { Stage } from './stage.ts';
import { openStage, to } from './stage.ts';

describe('the simulator’s query', () => {
  let stage: Stage;
  let id: string;
  beforeEach(async () => {
    stage = await openStage();
    id = String((await stage.push()).json.CheckoutRequestID);
  });
  afterEach(() => stage.close());

  it('says 4999 while the prompt is open, then the result as text, never a receipt', async () => {
    const waiting = await stage.query(id);
    expect(waiting.status).to.equal(200);
    expect(waiting.json).to.include({ ResponseCode: '0', ResultCode: '4999' });
    await stage.clock.advance(3_000);
    const { json } = await stage.query(id);
    expect(json).to.include({
      CheckoutRequestID: id,
      ResponseDescription: 'The service request has been accepted successsfully',
      ResultCode: '0',
      ResultDesc: 'The service request is processed successfully.',
    });
    expect(json).not.to.have.any.keys('MpesaReceiptNumber', 'Amount', 'PhoneNumber');
  });

  it('knows the result before the callback comes', async () => {
    stage.simulator.control.changeSettings({ callbackMs: 10_000 });
    await stage.clock.advance(3_000);
    expect((await stage.query(id)).json.ResultCode).to.equal('0');
    expect(stage.callbacks).to.have.length(0);
  });

  it('words 1037 otherwise than the callback does', async () => {
    const other = String((await stage.push(to('254700001037'))).json.CheckoutRequestID);
    await stage.clock.advance(3_000);
    expect((await stage.query(other)).json.ResultDesc).to.equal('DS timeout user cannot be reached.');
  });

  it('has four shapes of no answer yet', async () => {
    const { control } = stage.simulator;
    control.changeSettings({ inFlight: '500' });
    const processed = await stage.query(id);
    expect(processed.status).to.equal(500);
    expect(processed.json).to.include({
      errorCode: '500.001.1001',
      errorMessage: 'The transaction is being processed',
    });
    control.changeSettings({ inFlight: 'empty' });
    const empty = await stage.query(id);
    expect(empty.status).to.equal(200);
    expect(empty.json).to.include({ errorCode: '500.001.1001', errorMessage: '' });
    control.changeSettings({ tooSoonMs: 1_000 });
    const tooSoon = await stage.query(id);
    expect(tooSoon.status).to.equal(400);
    expect(tooSoon.json.errorMessage).to.equal('Bad Request - Invalid CheckoutRequestID');
    control.changeSettings({ tooSoonMs: 0, inFlight: 'mixed' });
    const shapes = [await stage.query(id), await stage.query(id), await stage.query(id)];
    expect(new Set(shapes.map(({ text }) => /4999|being processed|"errorMessage":""/.exec(text)?.[0])).size).to.equal(
      3,
    );
  });

  it('does not know ids of others', async () => {
    const unknown = await stage.query('ws_CO_06102026141530412712345678');
    expect(unknown.status).to.equal(500);
    expect(unknown.json).to.include({ errorCode: '500.001.1001', errorMessage: 'The transaction does not Exist' });
  });

  it('checks token, fields and password', async () => {
    const path = '/mpesa/stkpushquery/v1/query';
    expect((await stage.post(path, {}, { Authorization: 'Bearer x' })).json.errorCode).to.equal('404.001.03');
    expect((await stage.query(id, { Timestamp: '1' })).json.errorMessage).to.equal('Bad Request - Invalid Timestamp');
    expect((await stage.query('')).json.errorMessage).to.equal('Bad Request - Invalid CheckoutRequestID');
    expect((await stage.query(id, { Password: 'MTIz' })).json.errorMessage).to.include('Wrong credentials');
  });

  it('refuses the sixth in a minute for one credential when limited', async () => {
    stage.simulator.control.changeSettings({ queryLimitPerMinute: 5 });
    const statuses: number[] = [];
    for (let count = 0; count < 7; count++) statuses.push((await stage.query(id)).status);
    expect(statuses).to.deep.equal([200, 200, 200, 200, 200, 429, 429]);
    const refused = await stage.query(id);
    expect(refused.json).to.deep.equal({
      fault: {
        faultstring:
          'Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0}',
        detail: { errorcode: 'policies.ratelimit.SpikeArrestViolation' },
      },
    });
    await stage.clock.advance(60_000);
    expect((await stage.query(id)).status).to.equal(200);
  });

  it('fails now and then after the result when noisy', async () => {
    stage.simulator.control.changeSettings({ queryNoise: 1 });
    await stage.clock.advance(3_000);
    const noisy = await stage.query(id);
    expect(noisy.status).to.equal(500);
    expect(noisy.json.errorCode).to.equal('500.001.1001');
  });

  it('contradicts the truth when the dial says so', async () => {
    await stage.clock.advance(3_000);
    stage.simulator.control.setFault({ group: 'query', fault: 'says_failed', reach: 'next' });
    expect((await stage.query(id)).json.ResultCode).to.equal('1032');
    expect((await stage.query(id)).json.ResultCode).to.equal('0');
  });

  it('answers codes as numbers when switched', async () => {
    stage.simulator.control.changeSettings({ queryCodes: 'number' });
    await stage.clock.advance(3_000);
    expect((await stage.query(id)).json.ResultCode).to.equal(0);
  });
});

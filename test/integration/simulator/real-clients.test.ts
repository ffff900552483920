// Unmodified clients from npm, written against Safaricom's own servers years ago, complete a push and a query against
// the simulator. They have Safaricom's host names built in, so `https.request` of this process is led to the simulator
// for those hosts alone; the clients themselves are as published.

import http from 'node:http';
import https from 'node:https';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { expect } from 'chai';
import { sandboxPasskey } from '../../../src/simulator/registry.ts';
import type { Stage } from './stage.ts';
import { openStage, stkCallback } from './stage.ts';

const require = createRequire(import.meta.url);

interface MpesaApi {
  lipaNaMpesaOnline(data: Record<string, unknown>): Promise<Record<string, string>>;
  lipaNaMpesaQuery(data: Record<string, unknown>): Promise<Record<string, string>>;
}
interface MpesaNode {
  lipaNaMpesaOnline(...values: unknown[]): Promise<{ data: Record<string, string> }>;
  lipaNaMpesaQuery(checkoutRequestId: string): Promise<{ data: Record<string, string> }>;
}
interface DarajaJsPush {
  shortCode(code: string): DarajaJsPush;
  amount(amount: number): DarajaJsPush;
  callbackURL(url: string): DarajaJsPush;
  phoneNumber(phone: number): DarajaJsPush;
  lipaNaMpesaPassKey(passkey: string): DarajaJsPush;
  send(): Promise<{ isOkay(): boolean; getTransactionID(): string }>;
  queryStatus(): Promise<{ isOkay(): boolean; getResultCode(): string }>;
}

describe('unmodified clients against the simulator', () => {
  let stage: Stage;
  const realRequest = https.request;

  before(async () => {
    stage = await openStage();
    const { port } = new URL(stage.url);
    const redirected = (options: https.RequestOptions, ...rest: [(response: http.IncomingMessage) => void]) => {
      const host = options.hostname ?? options.host;
      if (host !== 'sandbox.safaricom.co.ke') throw new Error(`A client called ${host}.`);
      const led = { ...options, protocol: 'http:', hostname: '127.0.0.1', host: '127.0.0.1', port, agent: undefined };
      return http.request(led as unknown as http.RequestOptions, ...rest);
    };
    https.request = redirected as typeof https.request;
    syncBuiltinESMExports();
  });

  after(async () => {
    https.request = realRequest;
    syncBuiltinESMExports();
    await stage.close();
  });

  beforeEach(() => {
    stage.simulator.control.reset();
    stage.callbacks.length = 0;
  });

  async function customerPays(): Promise<void> {
    await stage.clock.advance(3_000);
    await stage.simulator.control.callbacksDone();
    expect(stkCallback(stage.callbacks[0]).ResultCode).to.equal(0);
  }

  it('mpesa-api pushes, and learns by a query that the customer paid', async () => {
    const { Mpesa } = require('mpesa-api') as { Mpesa: new (...values: unknown[]) => MpesaApi };
    const client = new Mpesa({ clientKey: 'key', clientSecret: 'secret', securityCredential: 'none' }, 'sandbox');
    const pushed = await client.lipaNaMpesaOnline({
      BusinessShortCode: 174379,
      Amount: 1000,
      PartyA: '254708374149',
      PartyB: '174379',
      PhoneNumber: '254708374149',
      CallBackURL: stage.callbackUrl,
      AccountReference: 'INV-1',
      passKey: sandboxPasskey,
    });
    expect(pushed.ResponseCode).to.equal('0');
    await customerPays();
    const asked = await client.lipaNaMpesaQuery({
      BusinessShortCode: 174379,
      CheckoutRequestID: pushed.CheckoutRequestID,
      passKey: sandboxPasskey,
    });
    expect(asked.ResultCode).to.equal('0');
  });

  it('mpesa-node pushes, and learns by a query that the customer paid', async () => {
    const Mpesa = require('mpesa-node') as new (config: Record<string, unknown>) => MpesaNode;
    const client = new Mpesa({
      consumerKey: 'key',
      consumerSecret: 'secret',
      lipaNaMpesaShortCode: '174379',
      lipaNaMpesaShortPass: sandboxPasskey,
    });
    const { data: pushed } = await client.lipaNaMpesaOnline('254708374149', 20, stage.callbackUrl, 'INV-2');
    expect(pushed.ResponseCode).to.equal('0');
    await customerPays();
    const { data: asked } = await client.lipaNaMpesaQuery(pushed.CheckoutRequestID!);
    expect(asked.ResultCode).to.equal('0');
  });

  it('daraja.js pushes, and learns by a query that the customer paid', async () => {
    const { Mpesa } = require('daraja.js') as { Mpesa: new (...values: unknown[]) => { stkPush(): DarajaJsPush } };
    const app = {
      consumerKey: 'key',
      consumerSecret: 'secret',
      securityCredential: 'none',
      organizationShortCode: 174379,
    };
    const client = new Mpesa(app, 'sandbox');
    const call = client
      .stkPush()
      .shortCode('174379')
      .amount(30)
      .callbackURL(stage.callbackUrl)
      .phoneNumber(254708374149)
      .lipaNaMpesaPassKey(sandboxPasskey);
    const pushed = await call.send();
    expect(pushed.isOkay()).to.equal(true);
    await customerPays();
    const asked = await call.queryStatus();
    expect(asked.getResultCode()).to.equal('0');
    expect(asked.isOkay()).to.equal(true);
  });
});

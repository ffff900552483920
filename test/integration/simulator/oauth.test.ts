// The simulator's OAuth against daraja.md section 1: the recorded refusals, the life of a token, and the switches where
// sources disagree.

import { expect } from 'chai';
import type { Stage } from './stage.ts';
import { openStage } from './stage.ts';

describe('the simulator’s OAuth', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage.close());
  beforeEach(() => stage.simulator.control.reset());

  function ask(pair: string, query = '?grant_type=client_credentials'): Promise<Response> {
    const headers = { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
    return fetch(`${stage.url}/oauth/v1/generate${query}`, { headers });
  }

  it('gives a token of 28 characters and expires_in as text', async () => {
    const answer = (await (await ask('key:secret')).json()) as Record<string, unknown>;
    expect(answer.access_token).to.match(/^\w{28}$/);
    expect(answer.expires_in).to.equal('3599');
  });

  it('gives expires_in as a number when switched', async () => {
    stage.simulator.control.changeSettings({ expiresIn: 'number' });
    const answer = (await (await ask('key:secret')).json()) as Record<string, unknown>;
    expect(answer.expires_in).to.equal(3599);
  });

  it('answers a wrong key with an empty 400 in text/plain, or 401 when switched', async () => {
    const answer = await ask('bad-key:secret');
    expect(answer.status).to.equal(400);
    expect(answer.headers.get('content-type')).to.equal('text/plain');
    expect(answer.headers.get('content-length')).to.equal('0');
    expect(await answer.text()).to.equal('');
    stage.simulator.control.changeSettings({ badCredentialsStatus: 401 });
    expect((await ask('bad-key:secret')).status).to.equal(401);
  });

  it('holds registered apps to their secret, and refuses others when switched', async () => {
    stage.simulator.control.registerApp({ consumerKey: 'mine', consumerSecret: 'right' });
    expect((await ask('mine:right')).status).to.equal(200);
    expect((await ask('mine:wrong')).status).to.equal(400);
    expect((await ask('other:any')).status).to.equal(200);
    stage.simulator.control.changeSettings({ onlyRegisteredApps: true });
    expect((await ask('other:any')).status).to.equal(400);
  });

  it('answers a missing scheme with 400.008.01 and a wrong grant with 400.008.02', async () => {
    const without = await fetch(`${stage.url}/oauth/v1/generate?grant_type=client_credentials`);
    expect(without.status).to.equal(400);
    expect(((await without.json()) as Record<string, unknown>).errorCode).to.equal('400.008.01');
    const wrong = (await (await ask('key:secret', '')).json()) as Record<string, unknown>;
    expect(wrong).to.include({ errorCode: '400.008.02', errorMessage: 'Invalid grant type passed' });
    expect(wrong.requestId).to.be.a('string');
  });

  it('ends the old token with a new one, unless switched', async () => {
    const old = await stage.token();
    const fresh = await stage.token();
    const refused = await stage.push({}, old);
    expect(refused.status).to.equal(404);
    expect(refused.json).to.include({ errorCode: '404.001.03', errorMessage: 'Invalid Access Token' });
    expect((await stage.push({}, fresh)).status).to.equal(200);
    stage.simulator.control.reset();
    stage.simulator.control.changeSettings({ newTokenEndsOld: false });
    const first = await stage.token();
    await stage.token();
    expect((await stage.push({}, first)).status).to.equal(200);
  });

  it('ends a token after an hour', async () => {
    const token = await stage.token();
    await stage.clock.advance(3_600_000);
    expect((await stage.push({}, token)).json.errorCode).to.equal('404.001.03');
  });

  it('binds a token to the products ticked when it was minted', async () => {
    const { control } = stage.simulator;
    control.registerApp({ consumerKey: 'key', consumerSecret: 'secret', products: ['c2b'] });
    const early = await stage.token();
    control.registerApp({ consumerKey: 'key', consumerSecret: 'secret', products: ['c2b', 'stk'] });
    const refused = await stage.push({}, early);
    expect(refused.status).to.equal(401);
    expect(refused.json.errorMessage).to.include('no apiproduct match found');
    expect((await stage.push({}, await stage.token())).status).to.equal(200);
  });

  it('answers as the firewall, or not at all, when the dial says so', async () => {
    const { control } = stage.simulator;
    control.setFault({ group: 'oauth', fault: 'waf_403', reach: 'next', sequence: ['waf_403', 'outage', 'lost'] });
    const firewall = await ask('key:secret');
    expect(firewall.status).to.equal(403);
    expect(await firewall.text()).to.include('Incapsula incident ID');
    expect((await ask('key:secret')).status).to.equal(500);
    const lost = await ask('key:secret').catch((error: unknown) => error);
    expect(lost).to.be.instanceOf(TypeError);
    expect((await ask('key:secret')).status).to.equal(200);
  });
});

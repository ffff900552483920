// GET /oauth/v1/generate: a token for a consumer key and secret, and the refusals that were recorded (daraja.md
// section 1). Wrong credentials get an empty text/plain 400, not JSON: clients must live with that.

import type { DarajaAnswer } from './daraja-answer.ts';
import { dropped, emptyAnswer, errorAnswer, faultAnswer, jsonAnswer } from './daraja-answer.ts';
import type { World } from './world.ts';

const tokenLifeSeconds = 3599;

export interface OauthCall {
  authorization: string | undefined;
  grantType: string | undefined;
}

export async function answerOauth(world: World, call: OauthCall): Promise<DarajaAnswer> {
  const { settings, timers, ledger } = world;
  const fault = world.dials.take('oauth');
  const answer = decide(world, call, fault);
  const at = timers.now();
  await timers.wait(settings.ackMs + Math.round(world.chance() * settings.ackJitterMs));
  if (fault === 'slow') await timers.wait(settings.slowAnswerMs);
  if (answer.status !== 200) {
    const status = answer.isDropped === true ? '–' : answer.status;
    ledger.note(timers.now(), 'Token refused', null, `${status} in ${timers.now() - at} ms`);
  }
  return answer;
}

function decide(world: World, call: OauthCall, fault: string): DarajaAnswer {
  const { settings, registry, timers, ledger } = world;
  if (fault === 'lost') return dropped;
  if (fault === 'bad_credentials') return emptyAnswer(settings.badCredentialsStatus);
  const early = faultAnswer(fault);
  if (early !== undefined) return early;
  const basic = /^Basic\s+([A-Za-z0-9+/=_-]+)\s*$/i.exec(call.authorization ?? '');
  if (basic === null) return errorAnswer('400.008.01', 'Invalid Authentication passed');
  if (call.grantType !== 'client_credentials') return errorAnswer('400.008.02', 'Invalid grant type passed');
  const [consumerKey, consumerSecret] = splitPair(Buffer.from(basic[1]!, 'base64').toString('utf8'));
  if (!registry.knows(consumerKey, consumerSecret, settings)) return emptyAnswer(settings.badCredentialsStatus);
  ledger.counts.tokens++;
  return jsonAnswer({
    access_token: registry.mintToken(consumerKey, timers.now(), settings),
    expires_in: settings.expiresIn === 'string' ? String(tokenLifeSeconds) : tokenLifeSeconds,
  });
}

function splitPair(pair: string): [string, string] {
  const colon = pair.indexOf(':');
  return colon < 0 ? [pair, ''] : [pair.slice(0, colon), pair.slice(colon + 1)];
}

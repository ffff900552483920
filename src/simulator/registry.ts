// Who may call: apps (consumer key and secret), their tokens, and shortcodes with their passkeys. By default every pair
// of key and secret is an app, unless the key contains `bad`, and a shortcode is learnt with the passkey of its first
// push, for that consumer key alone; switches make both strict. Nothing here is a secret worth keeping: it is a stand-in.

import type { DarajaAnswer } from './daraja-answer.ts';
import { errorAnswer, invalidField, invalidToken, noMerchant, noProduct, wrongCredentials } from './daraja-answer.ts';
import { accessToken } from './daraja-ids.ts';
import type { PushRequest } from './push-request.ts';
import type { Settings } from './settings.ts';

export interface App {
  consumerKey: string;
  consumerSecret: string;
  /** What is ticked on the app; a token keeps those of the moment it was minted. `stk` is M-PESA Express. */
  products: string[];
}

export interface Shortcode {
  shortcode: string;
  passkey: string;
  kind: 'paybill' | 'till';
  /** The till that PartyB must name; null until a first push teaches it. */
  till: string | null;
  /** As the prompt says it. */
  name: string;
}

/** What a shortcode registered for C2B. */
export interface C2bUrls {
  shortcode: string;
  /** Of the path it was registered on: 1 hashes the payer's number, 2 masks it. */
  version: 1 | 2;
  /** What happens to a payment when the validation does not answer. */
  responseType: 'Completed' | 'Cancelled';
  confirmationUrl: string;
  validationUrl: string;
}

interface Token {
  consumerKey: string;
  products: string[];
  mintedAt: number;
}

export const sandboxPasskey = 'bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919';
export const allProducts = ['stk', 'c2b', 'pull'] as const;
export type Product = (typeof allProducts)[number];
const tokenLifeMs = 3_600_000;
const most = 5_000;

export class Registry {
  readonly apps = new Map<string, App>();
  /** Registered by hand: the same for every consumer key. */
  readonly shortcodes = new Map<string, Shortcode>();
  /** Both by shortcode. */
  readonly c2bUrls = new Map<string, C2bUrls>();
  readonly pullRegistered = new Map<string, { nominatedNumber: string; callbackUrl: string }>();
  private readonly learnt = new Map<string, Shortcode>();
  private readonly tokens = new Map<string, Token>();

  constructor() {
    this.clear();
  }

  clear(): void {
    const { apps, shortcodes, c2bUrls, pullRegistered, learnt, tokens } = this;
    for (const map of [apps, shortcodes, c2bUrls, pullRegistered, learnt, tokens]) map.clear();
    this.addShortcode({
      shortcode: '174379',
      passkey: sandboxPasskey,
      kind: 'paybill',
      till: null,
      name: 'Daraja-Sandbox',
    });
  }

  addApp(app: App): void {
    put(this.apps, app.consumerKey, app);
  }

  addShortcode(shortcode: Shortcode): void {
    put(this.shortcodes, shortcode.shortcode, shortcode);
  }

  addC2bUrls(urls: C2bUrls): void {
    put(this.c2bUrls, urls.shortcode, urls);
  }

  addPull(shortcode: string, registration: { nominatedNumber: string; callbackUrl: string }): void {
    put(this.pullRegistered, shortcode, registration);
  }

  /** As a prompt or a statement names the organisation, whichever app taught it. */
  nameOf(shortcode: string): string {
    const learnt = [...this.learnt.values()].find((known) => known.shortcode === shortcode);
    return (this.shortcodes.get(shortcode) ?? learnt)?.name ?? `PAYBILL ${shortcode}`;
  }

  /** Whether C2B and Pull would take it: those have no passkey, so only the switch makes a shortcode unknown. */
  isKnown(shortcode: string, settings: Settings): boolean {
    return !settings.onlyRegisteredShortcodes || this.shortcodes.has(shortcode);
  }

  /** Whether OAuth would accept the pair. */
  knows(consumerKey: string, consumerSecret: string, settings: Settings): boolean {
    const app = this.apps.get(consumerKey);
    if (app !== undefined) return app.consumerSecret === consumerSecret;
    return !settings.onlyRegisteredApps && consumerKey !== '' && consumerSecret !== '' && !consumerKey.includes('bad');
  }

  mintToken(consumerKey: string, nowMs: number, settings: Settings): string {
    if (settings.newTokenEndsOld) {
      for (const [text, token] of this.tokens) if (token.consumerKey === consumerKey) this.tokens.delete(text);
    }
    const text = accessToken();
    const products = this.apps.get(consumerKey)?.products ?? [...allProducts];
    put(this.tokens, text, { consumerKey, products, mintedAt: nowMs });
    return text;
  }

  /** Forgets one token, or all of them. */
  expireTokens(text?: string): void {
    if (text === undefined) this.tokens.clear();
    else this.tokens.delete(text);
  }

  /** The consumer key behind a `Bearer` header, or Daraja's refusal. */
  authorize(
    header: string | undefined,
    nowMs: number,
    product: Product = 'stk',
  ): { consumerKey: string; token: string } | DarajaAnswer {
    const match = /^Bearer\s+(\S+)\s*$/i.exec(header ?? '');
    if (match === null) return errorAnswer('404.001.04', 'Invalid Authentication Header');
    const text = match[1]!;
    const token = this.tokens.get(text);
    if (token === undefined || nowMs - token.mintedAt >= tokenLifeMs) return invalidTokenFor(product, text);
    return token.products.includes(product) ? { consumerKey: token.consumerKey, token: text } : noProduct();
  }

  /** Who the shortcode of a push is, in Daraja's order: kind, then known, then password (daraja.md section 11.2). */
  admitPush(consumerKey: string, request: PushRequest, settings: Settings): Shortcode | DarajaAnswer {
    const isTill = request.transactionType === 'CustomerBuyGoodsOnline';
    const known = this.find(consumerKey, request.shortcode);
    if (known === undefined) {
      // The till where the store number belongs: Daraja calls the type wrong.
      if (this.isSomebodysTill(request.shortcode)) return invalidField('TransactionType');
      if (settings.onlyRegisteredShortcodes) return noMerchant();
      return this.learn(consumerKey, request, isTill) ?? wrongCredentials();
    }
    if ((known.kind === 'till') !== isTill) return invalidField('TransactionType');
    return isPasswordOf(known, request) ? known : wrongCredentials();
  }

  /** For the query: nothing is learnt from it, a shortcode never seen passes if its password is consistent. */
  admitQuery(
    consumerKey: string,
    request: Pick<PushRequest, 'shortcode' | 'password' | 'timestamp'>,
    settings: Settings,
  ): DarajaAnswer | undefined {
    const known = this.find(consumerKey, request.shortcode);
    if (known !== undefined) return isPasswordOf(known, request) ? undefined : wrongCredentials();
    if (settings.onlyRegisteredShortcodes) return noMerchant();
    return passkeyInside(request) === undefined ? wrongCredentials() : undefined;
  }

  private find(consumerKey: string, shortcode: string): Shortcode | undefined {
    return this.shortcodes.get(shortcode) ?? this.learnt.get(`${consumerKey}:${shortcode}`);
  }

  private isSomebodysTill(shortcode: string): boolean {
    return [...this.shortcodes.values()].some(({ till }) => till === shortcode);
  }

  private learn(consumerKey: string, request: PushRequest, isTill: boolean): Shortcode | undefined {
    const passkey = passkeyInside(request);
    if (passkey === undefined) return undefined;
    const shortcode: Shortcode = {
      shortcode: request.shortcode,
      passkey,
      kind: isTill ? 'till' : 'paybill',
      till: isTill ? request.partyB : null,
      name: isTill ? `TILL ${request.partyB}` : `PAYBILL ${request.shortcode}`,
    };
    put(this.learnt, `${consumerKey}:${request.shortcode}`, shortcode);
    return shortcode;
  }
}

/** Each API words it in its own way (daraja.md sections 2.3 and 6.4); C2B's repeats the token. */
export function invalidTokenFor(product: Product, token: string): DarajaAnswer {
  if (product === 'stk') return invalidToken();
  return product === 'pull'
    ? errorAnswer('401.001', 'Invalid Access Token')
    : errorAnswer('401.003.01', `Error Occurred - Invalid Access Token - ${token}`);
}

type Signed = Pick<PushRequest, 'shortcode' | 'password' | 'timestamp'>;

function isPasswordOf(shortcode: Shortcode, { password, timestamp }: Signed): boolean {
  return password === Buffer.from(shortcode.shortcode + shortcode.passkey + timestamp).toString('base64');
}

/** What stands between shortcode and timestamp in the password, if they are there. */
function passkeyInside({ shortcode, password, timestamp }: Signed): string | undefined {
  const text = Buffer.from(password, 'base64').toString('latin1');
  if (!text.startsWith(shortcode) || !text.endsWith(timestamp)) return undefined;
  const passkey = text.slice(shortcode.length, -timestamp.length);
  return /^[!-~]+$/.test(passkey) ? passkey : undefined;
}

function put<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value as string);
}

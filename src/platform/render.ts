// Pages: handlebars templates with layouts and partials, compiled once. Everything a template is given is escaped; what
// markup there is comes from templates and from the few helpers below, which escape what they are given. Templates hold
// no logic beyond `if`, `each` and these helpers. Static assets are served with their content's hash in the address.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Handlebars from 'handlebars';
import type Koa from 'koa';

/** The folder of views: beside `src` in a checkout, beside the compiled code in the image. */
const viewsFolder = ['../../views/', '../../../views/']
  .map((where) => fileURLToPath(new URL(where, import.meta.url)))
  .find((folder) => existsSync(folder))!;

const { SafeString, escapeExpression } = Handlebars;
const nairobiOffsetMs = 3 * 3_600_000;

export interface Renderer {
  /** @param view such as `console/home`, a file in views/pages */
  render(layout: string, view: string, data: object): string;
  /** The address of an asset, with its hash; @throws when there is no such file */
  assetUrl(name: string): string;
}

/** @param assetBase where {@link createAssets} serves from, such as `/console/assets` */
export function createRenderer(assetBase: string): Renderer {
  const handlebars = Handlebars.create();
  const compiled = new Map<string, Handlebars.TemplateDelegate>();
  const helpers = helpersFor(assetBase);
  for (const [name, helper] of Object.entries(helpers)) handlebars.registerHelper(name, helper);
  const knownHelpers = Object.fromEntries(Object.keys(helpers).map((name) => [name, true]));
  const options: CompileOptions = { strict: true, knownHelpers, knownHelpersOnly: true };
  for (const name of filesIn('partials'))
    handlebars.registerPartial(name, handlebars.compile(read(`partials/${name}.hbs`), options));
  const templateOf = (file: string): Handlebars.TemplateDelegate => {
    const known = compiled.get(file) ?? handlebars.compile(read(`${file}.hbs`), options);
    compiled.set(file, known);
    return known;
  };
  return {
    render(layout, view, data) {
      const content = new SafeString(templateOf(`pages/${view}`)(data));
      return templateOf(`layouts/${layout}`)({ ...data, content });
    },
    assetUrl: (name) => assetUrl(assetBase, name),
  };
}

interface CompileOptions {
  strict: boolean;
  knownHelpers: Record<string, boolean>;
  knownHelpersOnly: boolean;
}

function filesIn(folder: string): string[] {
  const where = path.join(viewsFolder, folder);
  if (!existsSync(where)) return [];
  return readdirSync(where)
    .filter((file) => file.endsWith('.hbs'))
    .map((file) => file.slice(0, -'.hbs'.length));
}

function read(file: string): string {
  return readFileSync(path.join(viewsFolder, file), 'utf8');
}

/** The helpers of every template. Times are milliseconds since the epoch, shown in Nairobi's time with UTC on hover. */
function helpersFor(assetBase: string): Record<string, Handlebars.HelperDelegate> {
  const sprite = (): string => assetUrl(assetBase, 'console-icons.svg');
  return {
    asset: (name: string) => assetUrl(assetBase, name),
    icon: (name: string, tone?: unknown) =>
      new SafeString(
        `<svg class="ic${typeof tone === 'string' ? ` ${escapeExpression(tone)}` : ''}" width="16" height="16" aria-hidden="true"><use href="${sprite()}#i-${escapeExpression(name)}"/></svg>`,
      ),
    /** 14:31:52; with the day before it when that is not today: the second value is now. */
    clock: (at: unknown, now: unknown) =>
      timeElement(at, typeof now === 'number' ? clockText(at, now) : clockText(at, null)),
    /** Tue 6 Oct 2026, 14:31:52 */
    dateTime: (at: unknown) => timeElement(at, typeof at === 'number' ? `${dayText(at, true)}, ${clockPart(at)}` : '–'),
    day: (at: unknown) => timeElement(at, typeof at === 'number' ? dayText(at, true) : '–'),
    /** 1,234,567 */
    number: (value: unknown) => (typeof value === 'number' ? numberText(value) : '–'),
    /** KES 1,234 with a space that does not break. */
    kes: (value: unknown) => (typeof value === 'number' ? `KES\u00a0${numberText(value)}` : '–'),
    /** 97.4 % of a share from 0 to 1. */
    percent: (value: unknown) => (typeof value === 'number' ? `${(value * 100).toFixed(1)}\u00a0%` : '–'),
    eq: (left: unknown, right: unknown) => left === right,
    json: (value: unknown) => JSON.stringify(value, null, 2),
  };
}

export function numberText(value: number): string {
  return Math.round(value).toLocaleString('en-KE');
}

function timeElement(at: unknown, text: string): Handlebars.SafeString | string {
  if (typeof at !== 'number') return '–';
  const iso = new Date(at).toISOString();
  return new SafeString(
    `<time datetime="${iso}" title="${iso.slice(0, 19).replace('T', ' ')} UTC">${escapeExpression(text)}</time>`,
  );
}

function clockText(at: unknown, now: number | null): string {
  if (typeof at !== 'number') return '–';
  if (now === null || dayText(at, true) === dayText(now, true)) return clockPart(at);
  return `${dayText(at, false)}, ${clockPart(at)}`;
}

const clockPart = (at: number): string => new Date(at + nairobiOffsetMs).toISOString().slice(11, 19);

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function dayText(at: number, withYear: boolean): string {
  const local = new Date(at + nairobiOffsetMs);
  const text = `${days[local.getUTCDay()]} ${local.getUTCDate()} ${months[local.getUTCMonth()]}`;
  return withYear ? `${text} ${local.getUTCFullYear()}` : text;
}

/** `41 s`, `6 min`, `3 h`, `5 d`: one unit, rounded down. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}\u00a0s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}\u00a0min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}\u00a0h`;
  return `${Math.floor(seconds / 86_400)}\u00a0d`;
}

const assetTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

interface Asset {
  text: string;
  hash: string;
  type: string;
}

const assets = new Map<string, Asset>();

function assetOf(name: string): Asset | undefined {
  const known = assets.get(name);
  if (known !== undefined) return known;
  const type = assetTypes[path.extname(name)];
  if (type === undefined || !/^[a-z0-9-]+\.[a-z]+$/.test(name) || !existsSync(path.join(viewsFolder, 'assets', name)))
    return undefined;
  const text = read(`assets/${name}`);
  const asset = { text, type, hash: createHash('sha256').update(text).digest('base64url').slice(0, 12) };
  assets.set(name, asset);
  return asset;
}

function assetUrl(base: string, name: string): string {
  const asset = assetOf(name);
  if (asset === undefined) throw new Error(`there is no asset ${name}`);
  return `${base}/${name}?v=${asset.hash}`;
}

/** Answers with an asset of views/assets; undefined when there is none of this name. */
export function sendAsset(ctx: Koa.Context, name: string): boolean {
  const asset = assetOf(name);
  if (asset === undefined) return false;
  ctx.type = asset.type;
  ctx.set('Cache-Control', ctx.query.v === asset.hash ? 'public, max-age=31536000, immutable' : 'no-cache');
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.body = asset.text;
  return true;
}

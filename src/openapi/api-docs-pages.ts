// GET /openapi.json for machines and /docs for people: the same description, the page made from the document. Both are
// built when they are first asked for and never change while the process runs. The page has no script and runs under
// the strict policy of app.ts; a problem's `type` points at its place here (`/docs#<code>`).

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type Router from '@koa/router';
import Handlebars from 'handlebars';
import type Koa from 'koa';
import { sendJson } from '../platform/http.ts';
import { buildApiDescription } from './api-description.ts';
import { viewDocs } from './view-docs.ts';

export function addApiDescriptionRoutes(router: Router): void {
  const css = lazily(() => tagged(readView('assets/docs.css')));
  const page = lazily(() => tagged(renderDocs(`/assets/docs.css?v=${css().tag.slice(1, 9)}`)));

  router.get('/openapi.json', (ctx) => {
    ctx.set('Access-Control-Allow-Origin', '*');
    sendJson(ctx, 200, buildApiDescription());
  });

  router.get('/docs', (ctx) => send(ctx, 'html', 'no-cache', page()));

  router.get('/assets/docs.css', (ctx) => send(ctx, 'css', 'public, max-age=31536000, immutable', css()));
}

/** The page; one string, the same for everybody. */
export function renderDocs(styleUrl: string): string {
  const handlebars = Handlebars.create();
  handlebars.registerHelper(
    'prose',
    (text: string) =>
      new Handlebars.SafeString(Handlebars.escapeExpression(text).replace(/&#x60;(.+?)&#x60;/g, '<code>$1</code>')),
  );
  const render = handlebars.compile(readView('pages/docs.hbs'), {
    strict: true,
    knownHelpers: { prose: true },
    knownHelpersOnly: true,
  });
  return render({ ...viewDocs(buildApiDescription()), styleUrl });
}

interface Tagged {
  text: string;
  /** An entity tag. */
  tag: string;
}

function tagged(text: string): Tagged {
  return { text, tag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` };
}

function send(ctx: Koa.Context, type: string, caching: string, { text, tag }: Tagged): void {
  ctx.set({ ETag: tag, 'Cache-Control': caching });
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.type = type;
  ctx.body = text;
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A file of `views`: beside `src`, in the image beside `dist/src`, or seen from a `dist` that was only compiled. */
function readView(name: string): string {
  const places = [`../../views/${name}`, `../../../views/${name}`].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`there is no view ${name} in ${places.join(' or ')}`);
  return readFileSync(found, 'utf8');
}

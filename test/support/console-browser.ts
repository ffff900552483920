// A browser without script in front of the console: it keeps cookies, follows no redirect by itself, and sends a form
// with the token of the page it saw last. For what has to do with signing in; console-visitor is quicker for the rest.

import type { TestGateway } from './build-gateway.ts';

export interface Seen {
  status: number;
  /** Where it leads, without the host; empty where it does not. */
  location: string;
  headers: Headers;
  html: string;
}

export interface Browser {
  get(path: string): Promise<Seen>;
  /** @param fields laid over the token of the last page */
  submit(path: string, fields?: Record<string, string>, headers?: Record<string, string>): Promise<Seen>;
  /** The value of a cookie it has; undefined where it has none of this name. */
  cookie(name: string): string | undefined;
  setCookie(name: string, value: string): void;
}

export function openBrowser(app: Pick<TestGateway, 'url'>): Browser {
  const jar = new Map<string, string>();
  let formToken = '';

  async function visit(path: string, init: RequestInit): Promise<Seen> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { cookie, ...(init.headers as Record<string, string>) };
    const response = await fetch(app.url + path, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (value === '') jar.delete(name!);
      else jar.set(name!, value!);
    }
    const html = await response.text();
    formToken = /name="_token" value="([^"]+)"/.exec(html)?.[1] ?? formToken;
    const location = (response.headers.get('location') ?? '').replace(app.url, '');
    return { status: response.status, location, headers: response.headers, html };
  }

  return {
    get: (path) => visit(path, {}),
    submit: (path, fields = {}, headers = {}) =>
      visit(path, {
        method: 'POST',
        body: new URLSearchParams({ _token: formToken, ...fields }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: app.url, ...headers },
      }),
    cookie: (name) => jar.get(name),
    setCookie: (name, value) => void jar.set(name, value),
  };
}

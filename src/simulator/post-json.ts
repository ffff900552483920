// One POST of Safaricom's to a merchant: the path byte for byte as it was given, a connection of its own, a single
// attempt, a few seconds to answer (daraja.md sections 4.1 and 4.5). What comes back is told, never judged.

import http from 'node:http';
import https from 'node:https';
import type { Timers } from './timers.ts';

export interface Posting {
  url: string;
  body: string;
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
}

const answerBudget = 4_096;

/** Resolves with the status and the beginning of the answer; rejects when there was none in time. */
export function postJson(timers: Timers, posting: Posting): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { origin, path } = splitUrl(posting.url);
    const client = origin.protocol === 'https:' ? https : http;
    const request = client.request({
      protocol: origin.protocol,
      hostname: origin.hostname.replace(/^\[|\]$/g, ''),
      port: origin.port === '' ? undefined : Number(origin.port),
      path,
      method: 'POST',
      headers: {
        'Content-Type': 'application/json;charset=UTF-8',
        'Content-Length': Buffer.byteLength(posting.body),
        ...posting.headers,
        Accept: '*/*',
      },
      // A connection of its own each time, as nobody at Safaricom keeps one open for us.
      agent: false,
    });
    const giveUp = (): unknown => request.destroy(new Error(`no answer in ${posting.timeoutMs / 1_000} s`));
    const stop = timers.afterExactly(posting.timeoutMs, giveUp, giveUp);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text = (text + chunk).slice(0, answerBudget);
      });
      response.on('error', () => {});
      response.on('close', () => {
        stop();
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    request.on('error', (error) => {
      stop();
      reject(error);
    });
    request.end(posting.body);
  });
}

/** `URL` tidies paths (`..`, empty segments); the path must arrive as it was given, so it is cut off by hand. */
export function splitUrl(url: string): { origin: URL; path: string } {
  const parts = /^(https?:\/\/[^/?#]+)([^#]*)/.exec(url);
  if (parts === null) throw new Error('The CallBackURL is not an http address.');
  const path = parts[2]!;
  return { origin: new URL(parts[1]!), path: path.startsWith('/') ? path : `/${path}` };
}

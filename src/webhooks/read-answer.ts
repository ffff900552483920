// What is kept of an endpoint's answer. Whoever answers may send anything, of any size and in any encoding; what leaves
// this file is bounded text that every database takes. Nothing is decompressed.

import { StringDecoder } from 'node:string_decoder';
import { keepBytes, readAtMostBytes, retryAfterAtMostMs } from './policy.ts';

export interface BodyReader {
  /** Says true when so much has come that the rest is not worth reading. */
  take(chunk: Buffer): boolean;
  text(): string;
}

const mostHeaders = 50;
const longestHeaderValue = 1024;

export function createBodyReader(): BodyReader {
  // The decoder copies and holds back a character that is cut. Keeping the chunks themselves would keep all that came
  // with them alive: a body sent byte by byte, each in a frame of 16 KiB, would hold a gigabyte.
  const decoder = new StringDecoder('utf8');
  let readBytes = 0;
  let kept = '';
  return {
    take(chunk) {
      const room = keepBytes - readBytes;
      if (room > 0) kept += decoder.write(room < chunk.length ? chunk.subarray(0, room) : chunk);
      readBytes += chunk.length;
      return readBytes >= readAtMostBytes;
    },
    text: () => cutToBytes(kept.replaceAll('\0', '\ufffd'), keepBytes),
  };
}

/** Bytes that are no UTF-8 have become three bytes each. */
function cutToBytes(text: string, most: number): string {
  if (text.length * 3 <= most || Buffer.byteLength(text) <= most) return text;
  return new StringDecoder('utf8').write(Buffer.from(text).subarray(0, most));
}

/** @param raw names and values in turn, as node:http gives them; its parser has limited them to 16 KiB in all */
export function keptHeaders(raw: readonly string[]): Record<string, string> {
  const kept = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const value = name === 'set-cookie' ? '[not kept]' : raw[i + 1]!;
    const before = kept.get(name);
    if (before === undefined && kept.size >= mostHeaders) continue;
    const joined = before === undefined || name === 'set-cookie' ? value : `${before}, ${value}`;
    kept.set(name, joined.slice(0, longestHeaderValue));
  }
  return Object.fromEntries(kept);
}

/** `Retry-After` as a wait from now: whole seconds or an HTTP date; null when it is neither or lies in the past. */
export function readRetryAfter(header: string | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : readHttpDate(text) - nowMs;
  return waitMs >= 0 ? Math.min(waitMs, retryAfterAtMostMs) : null;
}

/** All three forms of RFC 9110 begin with the day's name and mean GMT, also the one that does not say so. NaN if none. */
function readHttpDate(text: string): number {
  if (!/^(mon|tue|wed|thu|fri|sat|sun)/i.test(text)) return Number.NaN;
  return Date.parse(/GMT$/i.test(text) ? text : `${text} GMT`);
}

// The body of a request as text, within bounds: the simulator is fed garbage on purpose, and must not fall over.

import type { IncomingMessage } from 'node:http';

const usualLimitBytes = 64 * 1024;

/** Undefined when it is longer than 64 KB, or than is given; the rest is then thrown away unread. */
export async function readText(request: IncomingMessage, limitBytes = usualLimitBytes): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= limitBytes) chunks.push(chunk);
  }
  return length > limitBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}

/** The object in a body, or undefined for anything that is no JSON object. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

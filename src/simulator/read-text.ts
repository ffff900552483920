// The body of a request as text, within bounds: the simulator is fed garbage on purpose, and must not fall over.

import type { IncomingMessage } from 'node:http';

const limitBytes = 64 * 1024;

/** Undefined when it is longer than 64 KB; the rest is then thrown away unread. */
export async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= limitBytes) chunks.push(chunk);
  }
  return length > limitBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}

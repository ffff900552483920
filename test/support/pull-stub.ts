// A stand-in for Daraja that answers Pull Transactions with whatever a test gives it, byte for byte, for the shapes and
// faults that the simulator does not have.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PullRequest {
  ShortCode: string;
  StartDate: string;
  EndDate: string;
  OffSetValue: string;
}

export interface StubAnswer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface PullStub {
  url: string;
  /** Queries as they came. */
  asked: PullRequest[];
  /** What the next queries are answered with; the last one goes for all that follow. */
  answers(...answers: (StubAnswer | ((request: PullRequest) => StubAnswer | Promise<StubAnswer>))[]): void;
  close(): Promise<void>;
}

export async function openPullStub(): Promise<PullStub> {
  const asked: PullRequest[] = [];
  let waiting: Parameters<PullStub['answers']> = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const send = ({ status = 200, headers = {}, body }: StubAnswer): void => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (request.url?.startsWith('/oauth/')) return send({ body: { access_token: 'stub-token', expires_in: '3599' } });
    const query = JSON.parse(Buffer.concat(chunks).toString()) as PullRequest;
    asked.push(query);
    const next = waiting.length > 1 ? waiting.shift()! : waiting[0]!;
    send(typeof next === 'function' ? await next(query) : next);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answers(...answers) {
      waiting = answers;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

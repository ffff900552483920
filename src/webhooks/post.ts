// One POST and its answer, with every limit on time and size, over connections that are guarded. Whatever the other side
// does (says nothing, drips, floods, lies about lengths, breaks off), the call ends in time, holds little memory and
// leaves no timer, connection or unheard error behind. A redirect is an answer like any other.

import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { AttemptError } from './attempt.ts';
import { type AgentPair, addressRefusedCode, type GuardedAgents } from './guarded-agents.ts';
import { readAtMostBytes } from './policy.ts';
import { createBodyReader, keptHeaders } from './read-answer.ts';
import { codeOf, isNotFound } from './resolve-host.ts';
import { hostOf } from './safe-target.ts';

export interface PostOrder {
  /** Already judged. */
  url: URL;
  headers: Record<string, string>;
  body: string;
  agents: GuardedAgents;
  connectMs: number;
  totalMs: number;
}

export interface Fault {
  error: AttemptError;
  detail: string;
}

export interface Answer {
  statusCode: number;
  headers: Record<string, string>;
  retryAfter: string | undefined;
  body: string;
}

/** `answer` beside a fault is what had come by then. */
export interface PostOutcome {
  answer: Answer | null;
  fault: Fault | null;
}

export interface RunningPost {
  /** Never rejects. */
  outcome: Promise<PostOutcome>;
  interrupt(): void;
}

/** How far a request has come; `sent` from the moment the connection stands. */
type Phase = 'resolving' | 'connecting' | 'sent';

interface Listener {
  connected(): void;
  answered(response: http.IncomingMessage): void;
  /** More than an answer has come, or something else than one. */
  flooded(detail: string): void;
  /** May be called several times, and after `answered`. */
  broke(error: unknown, canRepeat: boolean): void;
}

const mostEarlyAnswers = 10;
const maxHeaderSize = 16 * 1024;
/** Of everything, headers and framing included; only what is not meant as an answer comes to so much. */
const mostWireBytes = 16 * readAtMostBytes;
const resetCodes = new Set(['ECONNRESET', 'EPIPE']);
const networkCodes =
  /^E(CONN(REFUSED|RESET|ABORTED)|HOSTUNREACH|HOSTDOWN|NETUNREACH|NETDOWN|TIMEDOUT|PIPE|ADDRNOTAVAIL|INVAL|ACCES|PERM)$/;
/** Of our own machine: no descriptors or memory left. */
const ownCodes = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

export function startPost(order: PostOrder): RunningPost {
  const reader = createBodyReader();
  let current: { request: http.ClientRequest; phase(): Phase } | undefined;
  let response: http.IncomingMessage | undefined;
  let connecting: NodeJS.Timeout | undefined;
  let tries = 0;
  let isOver = false;
  const { promise: outcome, resolve } = withResolvers<PostOutcome>();
  const total = setTimeout(() => passDeadline(`no whole answer within ${order.totalMs} ms`), order.totalMs);

  function end(fault: Fault | null): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(total);
    clearTimeout(connecting);
    // A connection whose answer was read to its end goes back to the pool; any other is cut.
    if (fault !== null || !response?.complete) current?.request.destroy();
    resolve({ answer: response ? answerOf(response, reader.text()) : null, fault });
  }

  function passDeadline(detail: string): void {
    const isResolving = current?.phase() === 'resolving';
    end({
      error: isResolving ? 'resolver_failed' : 'timeout',
      detail: isResolving ? 'the resolver is silent' : detail,
    });
  }

  function start(agents: AgentPair): void {
    clearTimeout(connecting);
    connecting = setTimeout(() => passDeadline(`no connection within ${order.connectMs} ms`), order.connectMs);
    tries++;
    const mine = tries;
    try {
      current = writeRequest(order, agents, {
        connected: () => clearTimeout(connecting),
        answered: read,
        flooded: (detail) => end(response ? null : { error: 'unreadable_answer', detail }),
        broke(error, canRepeat) {
          // Bytes after a whole answer, such as a body after 204, spoil the connection but not the answer: `end` comes.
          if (isOver || mine !== tries || response?.complete) return;
          if (canRepeat) start(order.agents.fresh);
          else end(faultOf(error, current?.phase() ?? 'connecting'));
        },
      });
    } catch (error) {
      end({ error: 'interrupted', detail: detailOf(error) });
    }
  }

  function read(incoming: http.IncomingMessage): void {
    response = incoming;
    incoming.on('data', (chunk: Buffer) => {
      if (!isOver && reader.take(chunk)) end(null);
    });
    incoming.on('end', () => end(incoming.complete ? null : { error: 'connection_lost', detail: 'ECONNRESET' }));
    incoming.on('error', (error) => end(faultOf(error, 'sent')));
  }

  start(order.agents.reusing);
  return { outcome, interrupt: () => end({ error: 'interrupted', detail: 'our server is stopping' }) };
}

function writeRequest(
  order: PostOrder,
  agents: AgentPair,
  listener: Listener,
): { request: http.ClientRequest; phase(): Phase } {
  const isTls = order.url.protocol === 'https:';
  const host = hostOf(order.url);
  let phase: Phase = net.isIP(host) === 0 ? 'resolving' : 'connecting';
  let readBefore = 0;
  let earlyAnswers = 0;

  order.agents.admit(host);
  const options = optionsOf(order, host, () => {
    phase = 'connecting';
  });
  const request = isTls
    ? https.request({ ...options, agent: agents.https })
    : http.request({ ...options, agent: agents.http });
  request.on('socket', (socket) => {
    readBefore = socket.bytesRead;
    // Counts what the parser swallows, too: frames of one byte with 16 KiB of extensions each are hardly any body.
    const watch = (): void => {
      if (socket.bytesRead - readBefore > mostWireBytes) listener.flooded('too many bytes');
    };
    socket.on('data', watch);
    request.once('close', () => socket.removeListener('data', watch));
    if (request.reusedSocket) {
      phase = 'sent';
      listener.connected();
      return;
    }
    // Node leaves a connection without a listener for moments when it passes between the pool and a request.
    socket.on('error', () => {});
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      phase = 'sent';
      listener.connected();
    });
  });
  request.on('response', listener.answered);
  // A kept connection that the other side closed just as we wrote: no byte came back, so it was not refused or heard.
  request.on('error', (error) => {
    const isSilent = request.reusedSocket && request.socket?.bytesRead === readBefore;
    listener.broke(error, isSilent && resetCodes.has(codeOf(error) ?? ''));
  });
  request.on('information', () => {
    earlyAnswers++;
    if (earlyAnswers > mostEarlyAnswers) listener.flooded('too many 1xx answers');
  });
  request.on('upgrade', (_response, socket) => {
    socket.destroy();
    listener.flooded('101');
  });
  // Whatever way Node found to end it without telling.
  request.on('close', () => listener.broke(Object.assign(new Error('closed'), { code: 'ECONNRESET' }), false));
  request.end(order.body);
  return { request, phase: () => phase };
}

function optionsOf({ url, headers, agents }: PostOrder, host: string, resolved: () => void): http.RequestOptions {
  return {
    method: 'POST',
    host,
    port: url.port || (url.protocol === 'https:' ? 443 : 80),
    path: url.pathname + url.search,
    headers,
    maxHeaderSize,
    insecureHTTPParser: false,
    lookup(hostname, how, found) {
      agents.lookup(hostname, how, (error, address, family) => {
        if (!error) resolved();
        found(error, address, family);
      });
    },
  };
}

function answerOf(response: http.IncomingMessage, body: string): Answer {
  return {
    statusCode: response.statusCode ?? 0,
    headers: keptHeaders(response.rawHeaders),
    retryAfter: response.headers['retry-after'],
    body,
  };
}

function faultOf(error: unknown, phase: Phase): Fault {
  return { error: classify(error, codeOf(error) ?? '', phase), detail: detailOf(error) };
}

function classify(error: unknown, code: string, phase: Phase): AttemptError {
  // The second sign is the library's own: its refusal has no code.
  if (code === addressRefusedCode || (error instanceof Error && / is not allowed\. Because/.test(error.message))) {
    return 'address_refused';
  }
  if (ownCodes.has(code)) return 'interrupted';
  switch (phase) {
    case 'resolving':
      return isNotFound(code) ? 'name_not_found' : 'resolver_failed';
    case 'connecting':
      return networkCodes.test(code) ? 'connect_failed' : 'tls_failed';
    case 'sent':
      if (code.startsWith('HPE_')) return 'unreadable_answer';
      // In TLS 1.3 the other side may refuse the handshake after we hold it to be done.
      return code === 'EPROTO' || code.startsWith('ERR_SSL_') ? 'tls_failed' : 'connection_lost';
  }
}

function detailOf(error: unknown): string {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return (code === null || code === addressRefusedCode ? message : code).slice(0, 200);
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((take) => {
    resolve = take;
  });
  return { promise, resolve };
}

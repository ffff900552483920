// The connections that webhooks are sent over. Every address is judged at the moment of connecting, so a name that was
// fine when the endpoint was made and now leads inside (DNS rebinding) reaches nothing; request-filtering-agent stands
// behind our own rule as a second wall. An idle connection is kept for a few seconds and cut if the other side speaks
// unasked.

import type http from 'node:http';
import type https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { type ResolvedAddress, type ResolveHost, withFamily } from './resolve-host.ts';
import { isLocalhost, loopbackAddresses, refusedRange, refusedThoughPublic, type TargetPolicy } from './safe-target.ts';

export interface AgentPair {
  http: http.Agent;
  https: https.Agent;
}

export interface GuardedAgents {
  reusing: AgentPair;
  /** A connection of its own for each request. */
  fresh: AgentPair;
  /** To be given to every request; without it the library asks the system. */
  lookup: LookupFunction;
  /** Lets an address that the policy allows through the second wall; to be called right before connecting to it. */
  admit(address: string): void;
  /** Cuts every connection, in use or idle. */
  destroy(): void;
}

/** What a lookup rejects with when the policy refuses an address of the name. */
export const addressRefusedCode = 'ERR_ADDRESS_REFUSED';

// Many tenants may use the same service, so one host may have most of what a worker has in flight.
const mostIdlePerHost = 50;
// Below the five seconds after which Node's own servers close, so that mostly we are the first to.
const idleMs = 4000;
const mostAddresses = 8;
// Node gives up on an address after 250 ms by default, less than a connection from Nairobi to America may take.
const perAddressMs = 2000;
const mostAdmitted = 1000;
const localAddresses = loopbackAddresses.map(withFamily);

/** @param settings.ca trusted instead of the public authorities, in PEM */
export function createGuardedAgents(settings: {
  policy: TargetPolicy;
  resolve: ResolveHost;
  ca?: string | undefined;
}): GuardedAgents {
  // The library reads this array at every connection. It is given single addresses only: a CIDR of the other family
  // makes it print a warning with a stack each time.
  const admitted: string[] = [];
  const admit = (address: string): void => {
    if (settings.policy.judgeAddress(address).kind !== 'allowed' || admitted.includes(address)) return;
    admitted.push(address);
    if (admitted.length > mostAdmitted) admitted.shift();
  };
  const shared = {
    allowIPAddressList: admitted,
    denyIPAddressList: [...refusedThoughPublic],
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: perAddressMs,
  };
  const secure = {
    ...shared,
    // Made once: it is the expensive part of a TLS connection's beginning.
    secureContext: tls.createSecureContext(settings.ca === undefined ? {} : { ca: settings.ca }),
    rejectUnauthorized: true,
  };
  const keeping = { keepAlive: true, maxFreeSockets: mostIdlePerHost, timeout: idleMs };
  const reusing: AgentPair = {
    http: cuttingTalkers(new RequestFilteringHttpAgent({ ...shared, ...keeping })),
    https: cuttingTalkers(new RequestFilteringHttpsAgent({ ...secure, ...keeping })),
  };
  const fresh: AgentPair = {
    http: new RequestFilteringHttpAgent({ ...shared, keepAlive: false }),
    https: new RequestFilteringHttpsAgent({ ...secure, keepAlive: false }),
  };
  return {
    reusing,
    fresh,
    lookup: createGuardedLookup(settings.policy, settings.resolve, admit),
    admit,
    destroy() {
      for (const agent of [reusing.http, reusing.https, fresh.http, fresh.https]) agent.destroy();
    },
  };
}

/** Resolves a name and refuses it whole if any of its addresses is refused: whoever mixes them means no good. */
function createGuardedLookup(
  policy: TargetPolicy,
  resolve: ResolveHost,
  admit: (address: string) => void,
): LookupFunction {
  const isRefused = ({ address }: ResolvedAddress): boolean => policy.judgeAddress(address).kind === 'refused';

  async function safeAddresses(hostname: string): Promise<ResolvedAddress[]> {
    // Both addresses of localhost are this machine; one that is not allowed is left out and not held against the other.
    const isLocal = isLocalhost(hostname);
    const found = isLocal ? localAddresses.filter((one) => !isRefused(one)) : await resolve(hostname);
    const refused = (isLocal && found.length === 0 ? localAddresses : found).find(isRefused);
    if (refused)
      throw Object.assign(new Error(`${refused.address} is ${refusedRange(refused.address)}`), {
        code: addressRefusedCode,
      });
    if (found.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
    return found.toSorted((a, b) => a.family - b.family).slice(0, mostAddresses);
  }

  return (hostname, options, callback) => {
    safeAddresses(hostname).then(
      (addresses) => {
        for (const { address } of addresses) admit(address);
        if (options.all) callback(null, addresses);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error) => callback(error, ''),
    );
  };
}

/**
 * Cuts an idle connection as soon as anything comes over it. Node would read and drop such bytes for as long as they
 * come, each of them putting off the idle timeout.
 */
function cuttingTalkers<A extends http.Agent>(agent: A): A {
  const keep = agent.keepSocketAlive.bind(agent);
  const reuse = agent.reuseSocket.bind(agent);
  const cut = function (this: Duplex): void {
    this.destroy();
  };
  // What it returns says whether to keep the connection; the types have it as void.
  agent.keepSocketAlive = (socket) => {
    socket.on('data', cut);
    return keep(socket);
  };
  agent.reuseSocket = (socket, request) => {
    socket.removeListener('data', cut);
    reuse(socket, request);
  };
  return agent;
}

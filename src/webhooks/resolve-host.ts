// From the host name of an endpoint to its addresses, none of which is judged here. Names are asked of c-ares and not of
// the system's getaddrinfo: that holds one of Node's four threads for as long as a name server keeps silent, and a
// tenant's name server could so hold up every other tenant, the disk and the cryptography. Only names that no
// outsider's server answers for go to the system, for its hosts file, and at most two at a time.

import { lookup, Resolver } from 'node:dns/promises';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** Rejects with an error whose `code` is one of node:dns. */
export type ResolveHost = (hostname: string) => Promise<ResolvedAddress[]>;

export interface ResolverSettings {
  /** Whether WEBHOOK_ALLOW_NETWORKS is set: then names that DNS does not know are looked for in the hosts file. */
  allowsNetworks: boolean;
  /** Instead of those of the system, as `address:port`. */
  servers?: readonly string[];
  timeoutMs?: number;
}

const mostSystemLookups = 2;
const notFoundCodes = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EAI_NONAME', 'EAI_NODATA']);

/** Whether the name is at fault; any other error is the resolver's. */
export function isNotFound(code: string | null): boolean {
  return code !== null && notFoundCodes.has(code);
}

export function createHostResolver(settings: ResolverSettings): ResolveHost {
  const askSystem = createSystemLookup();
  const askDns = createDnsLookup(settings);
  return async (hostname) => {
    const isSingleLabel = !hostname.replace(/\.$/, '').includes('.');
    if (isSingleLabel) return askSystem(hostname);
    try {
      return await askDns(hostname);
    } catch (error) {
      if (settings.allowsNetworks && isNotFound(codeOf(error))) return askSystem(hostname);
      throw error;
    }
  };
}

function createDnsLookup({ servers, timeoutMs = 1000 }: ResolverSettings): ResolveHost {
  const open = (): Resolver => {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
    if (servers) resolver.setServers(servers);
    return resolver;
  };
  let resolver = open();
  return async (hostname) => {
    const asked = resolver;
    const answers = await Promise.allSettled([asked.resolve4(hostname), asked.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0) return addresses.map(withFamily);
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    const failure = errors.find((error) => !isNotFound(codeOf(error)));
    // A resolver reads the system's name servers once, when it is made; they may have changed since.
    if (failure !== undefined && resolver === asked) resolver = open();
    if (failure !== undefined && (await isAlive(resolver)))
      throw Object.assign(new Error(`the name servers of ${hostname} do not answer`), { code: 'ENODATA' });
    throw failure ?? errors[0] ?? Object.assign(new Error(`no address for ${hostname}`), { code: 'ENODATA' });
  };
}

/** A name whose servers do answer, to tell a resolver of ours that fails from a tenant's name server that does. */
const controlName = 'safaricom.co.ke';
const controlMs = 1000;

/** Whether our resolver answers at all; that there is no such name is an answer, too. */
async function isAlive(resolver: Resolver): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, controlMs, false);
  });
  const asking = resolver.resolve4(controlName).then(
    () => true,
    (error) => isNotFound(codeOf(error)),
  );
  return Promise.race([asking, late]).finally(() => clearTimeout(timer));
}

/** Those who ask for the same name at the same time share one lookup, so that a burst holds one thread. */
function createSystemLookup(): ResolveHost {
  const underWay = new Map<string, Promise<ResolvedAddress[]>>();
  const waiting: (() => void)[] = [];
  let free = mostSystemLookups;

  async function ask(hostname: string): Promise<ResolvedAddress[]> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => withFamily(address));
    } finally {
      underWay.delete(hostname);
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  }

  return (hostname) => {
    const shared = underWay.get(hostname) ?? ask(hostname);
    underWay.set(hostname, shared);
    return shared;
  };
}

export function withFamily(address: string): ResolvedAddress {
  return { address, family: address.includes(':') ? 6 : 4 };
}

/** The `code` of anything thrown, or null. */
export function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}

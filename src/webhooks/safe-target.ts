// Where a webhook may go: the rules for the URL of an endpoint, asked when it is made and again before each attempt, and
// the rule for the address that a connection is about to be made to. A tenant's URL must never lead into our own
// networks, to a cloud's metadata service or back to this gateway. The URL says only what is wrong on its face; names
// are judged by every address they resolve to, at the moment of connecting (guarded-agents.ts).

import net from 'node:net';
import ipaddr from 'ipaddr.js';
import { createAddressList } from '../platform/addresses.ts';

export interface TargetRules {
  /** WEBHOOK_ALLOW_NETWORKS: addresses or CIDRs, already checked to be valid. */
  allowNetworks: readonly string[];
  /** PUBLIC_URL. */
  ownUrl: string;
}

/** The rules made ready to be asked thousands of times a second. */
export interface TargetPolicy {
  /** The parsed URL, or one sentence that says what is wrong with it and what to do. */
  readUrl(url: string, mode: 'test' | 'live'): URL | string;
  judgeAddress(address: string): AddressVerdict;
  /** Whether there is any network in WEBHOOK_ALLOW_NETWORKS. */
  allowsNetworks: boolean;
}

/** `allowed` is an address that would be refused, were it not in WEBHOOK_ALLOW_NETWORKS. */
export type AddressVerdict = { kind: 'public' } | { kind: 'allowed' } | { kind: 'refused'; range: string };

const longestUrl = 2048;
const globalUnicast = ipaddr.parseCIDR('2000::/3');
// Azure's platform address (DHCP, DNS and the agent that hands out secrets), public by its number.
const azurePlatform = '168.63.129.16';
/** For the library behind us, which would take these for public. */
export const refusedThoughPublic: readonly string[] = [azurePlatform];
/** What `localhost` is, without asking anybody (RFC 6761). */
export const loopbackAddresses = ['127.0.0.1', '::1'] as const;

/** Null when the URL is fine, else one sentence that says what is wrong and what to do. */
export function checkEndpointUrl(url: string, mode: 'test' | 'live', rules: TargetRules): string | null {
  const read = createTargetPolicy(rules).readUrl(url, mode);
  return typeof read === 'string' ? read : null;
}

export function createTargetPolicy(rules: TargetRules): TargetPolicy {
  const allowed = createAddressList(rules.allowNetworks);
  const own = new URL(rules.ownUrl);
  const judgeAddress = (address: string): AddressVerdict => {
    const range = refusedRange(address);
    if (range === null) return { kind: 'public' };
    return allowed.includes(address) ? { kind: 'allowed' } : { kind: 'refused', range };
  };
  return {
    allowsNetworks: rules.allowNetworks.length > 0,
    judgeAddress,
    readUrl(text, mode) {
      const wrong = findInText(text);
      if (wrong !== null) return wrong;
      const url = new URL(text);
      return findInHost(hostOf(url)) ?? findInTarget(url, mode, own, judgeAddress) ?? url;
    },
  };
}

/**
 * The name of the range because of which an address is refused, or null for one on the public internet. An address that
 * carries another (IPv4-mapped, NAT64, 6to4, Teredo) is refused whatever it carries: who translates it is not known.
 */
export function refusedRange(address: string): string | null {
  if (!ipaddr.isValid(address)) return 'unreadable';
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range !== 'unicast') return range;
  if (address === azurePlatform) return 'metadata';
  // What ipaddr.js knows nothing of it calls unicast: ::/96, 64:ff9b:2::/48 and all that IANA has not given out.
  if (parsed.kind() === 'ipv6' && !parsed.match(globalUnicast)) return 'not global unicast';
  return null;
}

/** `localhost` and what ends in it, with or without the last dot. */
export function isLocalhost(hostname: string): boolean {
  return /(^|\.)localhost\.?$/i.test(hostname);
}

/** The host as net.isIP reads it: an IPv6 literal without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** What must be judged before parsing, because parsing repairs it: `http:\\host`, a tab in the middle, an empty `#`. */
function findInText(text: string): string | null {
  if (text.length > longestUrl) {
    return `The URL has ${text.length} characters; at most ${longestUrl} are allowed.`;
  }
  if (/[\s\p{Cc}\p{Cf}\p{Cs}]/u.test(text)) {
    return 'The URL contains whitespace or control characters; remove them or percent-encode them.';
  }
  const authority = /^https?:\/\/([^/?#\\]+)/i.exec(text)?.[1];
  if (authority === undefined || text.includes('\\') || !URL.canParse(text)) {
    return 'This is not an absolute http or https URL; write it as https://example.com/path.';
  }
  if (authority.includes('@')) {
    return 'The URL contains a user name or password; remove it and verify the webhook-signature header instead.';
  }
  if (text.includes('#')) return 'The URL contains a fragment (#), which is never sent; remove it.';
  return null;
}

/** Names that a resolver and WHATWG's parser may read differently, such as `127.0.0.1..` or `*.example.com`. */
function findInHost(host: string): string | null {
  const isName = /^(?!.{255})[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i.test(host);
  return isName || net.isIP(host) !== 0 ? null : 'The host of the URL is not a valid host name; correct it.';
}

function findInTarget(
  url: URL,
  mode: 'test' | 'live',
  own: URL,
  judgeAddress: (address: string) => AddressVerdict,
): string | null {
  const host = hostOf(url);
  const isLiteral = net.isIP(host) !== 0;
  if (mode === 'live' && url.protocol !== 'https:') {
    return 'In live mode webhooks are sent over https only; use an https URL.';
  }
  if (mode === 'live' && isLiteral) {
    return 'In live mode the host must be a name, not an address; use a host name with a certificate.';
  }
  if (isOwn(url, own)) return 'The URL leads to this gateway itself; use the URL of your own server.';
  if (isLiteral || isLocalhost(host)) {
    const addresses = isLiteral ? [host] : loopbackAddresses;
    const verdicts = addresses.map(judgeAddress);
    if (verdicts.every((verdict) => verdict.kind === 'refused')) {
      return `${host} is not an address on the public internet; use one that is, or have the operator add its network to WEBHOOK_ALLOW_NETWORKS.`;
    }
  }
  return null;
}

/** At a name every port is ours; at an address or on this machine only our own port, since others may listen beside us. */
function isOwn(url: URL, own: URL): boolean {
  const host = placeOf(url);
  if (host !== placeOf(own)) return false;
  const sharesHost = host === 'loopback' || net.isIP(hostOf(own)) !== 0;
  return !sharesHost || portOf(url) === portOf(own);
}

/** The host for comparing: all names and addresses of this machine are one place. */
function placeOf(url: URL): string {
  const host = hostOf(url).replace(/\.$/, '');
  if (isLocalhost(host)) return 'loopback';
  if (net.isIP(host) === 0) return host;
  const range = ipaddr.process(host).range();
  return range === 'loopback' || range === 'unspecified' ? 'loopback' : ipaddr.process(host).toString();
}

function portOf(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : '80');
}

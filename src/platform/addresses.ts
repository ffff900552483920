// Network addresses: lists of CIDRs, and who is really calling when a proxy stands in front.

import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

export interface AddressList {
  includes(address: string): boolean;
}

/** @param networks addresses or CIDRs, already checked to be valid */
export function createAddressList(networks: readonly string[]): AddressList {
  const ranges = networks.map((network) => (network.includes('/') ? ipaddr.parseCIDR(network) : wholeAddress(network)));
  return {
    includes(address) {
      if (!ipaddr.isValid(address)) return false;
      const parsed = ipaddr.process(address);
      return ranges.some(([range, bits]) => parsed.kind() === range.kind() && parsed.match(range, bits));
    },
  };
}

function wholeAddress(address: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const parsed = ipaddr.process(address);
  return [parsed, parsed.kind() === 'ipv4' ? 32 : 128];
}

/**
 * The caller's address. X-Forwarded-For is believed only as far as the chain of proxies is trusted, read from the
 * right, because anybody may write the left of it (daraja.md section 4.6).
 */
export function clientAddress(request: IncomingMessage, trustedProxies: AddressList): string {
  let address = plain(request.socket.remoteAddress ?? '');
  const hops = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== ''); // prettier-ignore
  while (hops.length > 0 && trustedProxies.includes(address)) address = plain(hops.pop()!);
  return address;
}

/** `::ffff:127.0.0.1` is 127.0.0.1. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

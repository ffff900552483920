// What Safaricom takes as a callback URL (daraja.md section 4.4), told before the first push is refused for it. The rules
// are about the text as it was written: a URL that was parsed has lost its capitals.

import ipaddr from 'ipaddr.js';
import type { Environment } from './shortcode-store.ts';

export interface UrlFinding {
  /** `problem`: pushes are refused, or their results never come. `warning`: some have been. */
  severity: 'problem' | 'warning';
  detail: string;
}

const forbiddenWords = /m-?pesa|safaricom|exec?|cmd|sql|query/i;
const blockedHosts = /ngrok|mockbin|requestbin/i;
const localNames = /^localhost$|\.(localhost|local|internal|lan|home|test|example|invalid)$/;

/** The first word in a text that Safaricom's rules forbid in a URL, or null. */
export function forbiddenWordIn(text: string): string | null {
  return forbiddenWords.exec(text)?.[0] ?? null;
}

/** What is wrong with `PUBLIC_URL` for the environments that are used; the simulator takes any. */
export function checkCallbackUrl(publicUrl: string, environments: readonly Environment[]): UrlFinding[] {
  if (!environments.some((environment) => environment !== 'simulator')) return [];
  const { protocol, hostname, port, search, hash } = new URL(publicUrl);
  const isLive = environments.includes('production');
  const findings: UrlFinding[] = [];
  const find = (severity: UrlFinding['severity'], detail: string): void => void findings.push({ severity, detail });
  if (protocol !== 'https:') find(isLive ? 'problem' : 'warning', 'it is not https, which production requires');
  const place = placeOf(hostname);
  if (place !== null) find('problem', `${hostname} is ${place}: Safaricom cannot reach it`);
  const written = /^[a-z]+:\/\/(?:[^/@]*@)?([^/:?#]+)/i.exec(publicUrl)?.[1] ?? '';
  if (/[A-Z]/.test(written))
    find('problem', `the host ${written} has capital letters, with which Safaricom refuses it`);
  if (/\s/.test(publicUrl)) find('problem', 'it has a blank in it, with which Safaricom does not answer');
  if (search !== '' || hash !== '') find('problem', 'it has a query or a fragment; a path is appended to it');
  const word = forbiddenWordIn(publicUrl);
  if (word !== null) find('warning', `it has the word “${word}”, which Safaricom’s rules forbid`);
  const blocked = blockedHosts.exec(hostname)?.[0];
  if (blocked !== undefined) find('warning', `${blocked} hosts are usually blocked by Safaricom`);
  if (port !== '' && port !== '443') find('warning', `port ${port} may be blocked; use 443`);
  return findings;
}

/** What keeps a host from being reached from outside, or null. */
function placeOf(hostname: string): string | null {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host)) {
    const range = ipaddr.process(host).range();
    return range === 'unicast' ? null : `a ${range} address`;
  }
  return localNames.test(host) || !host.includes('.') ? 'a name of a local network' : null;
}

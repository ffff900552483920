// A shortcode as its pages show it: where its money goes, whether it prompts, how its payments fare, and what M-PESA
// said of its credentials, in words somebody can act on. Credentials themselves are never here.

import type { CredentialsFinding } from '../mpesa/check-credentials.ts';
import type { ShortcodeHealth } from '../mpesa/shortcode-health.ts';
import type { Environment, Shortcode } from '../mpesa/shortcode-store.ts';
import { redactText } from '../platform/redaction.ts';
import { spanText } from '../platform/render.ts';
import type { Word } from './status-words.ts';

const kindWords = { paybill: 'Paybill', till: 'Till' } as const;

const environmentWords: Readonly<Record<Environment, string>> = {
  simulator: 'Simulator',
  sandbox: 'Safaricom’s sandbox',
  production: 'Production',
};

const healthWords: Readonly<Record<ShortcodeHealth['health'], Word>> = {
  up: { word: 'Up', icon: 'f-circle-check', tone: 'ok' },
  degraded: { word: 'Degraded', icon: 'alert-triangle', tone: 'warn' },
  down: { word: 'Down', icon: 'f-circle-x', tone: 'bad' },
};

/** `Paybill 654321`; a till is known by its till number. */
export function shortcodeName({ kind, shortcode, till }: Pick<Shortcode, 'kind' | 'shortcode' | 'till'>): string {
  return `${kindWords[kind]} ${till ?? shortcode}`;
}

export interface ShownShortcode {
  id: string;
  name: string;
  number: string;
  till: string | null;
  environment: string;
  tenantId: string;
  tenantName: string;
  isDefault: boolean;
  isPaused: boolean;
  status: Word;
  successRate: number | null;
  lastCallbackAt: number | null;
  lastCallbackAgo: string;
  createdAt: number;
  fingerprint: string;
  href: string;
}

export function showShortcode(
  shortcode: Shortcode,
  health: ShortcodeHealth,
  names: ReadonlyMap<string, string>,
  query: string,
  now: number,
): ShownShortcode {
  const { id, tenantId, lastCallbackAt, isDefault, createdAt, credentialId } = shortcode;
  const isPaused = shortcode.status === 'paused';
  return {
    id,
    name: shortcodeName(shortcode),
    number: shortcode.shortcode,
    till: shortcode.till,
    environment: environmentWords[shortcode.environment],
    tenantId,
    tenantName: names.get(tenantId) ?? tenantId,
    isDefault,
    isPaused,
    status: isPaused ? { word: 'Paused', icon: 'player-pause', tone: 'warn' } : healthWords[health.health],
    successRate: health.successRate,
    lastCallbackAt,
    lastCallbackAgo: lastCallbackAt === null ? 'never' : `${spanText(now - lastCallbackAt)} ago`,
    createdAt,
    fingerprint: credentialId,
    href: `/console/shortcodes/${id}${query}`,
  };
}

/** What M-PESA said of credentials, and what follows from it. */
export function testWords({ outcome, detail }: Pick<CredentialsFinding, 'outcome' | 'detail'>): {
  text: string;
  tone: 'ok' | 'bad';
} {
  const said = redactText(detail);
  switch (outcome) {
    case 'accepted':
      return /passkey accepted/.test(detail)
        ? { text: 'M-PESA gave a token and took the passkey: these credentials work.', tone: 'ok' }
        : {
            text: 'M-PESA gave a token, so the consumer key and secret are right. It did not say whether the passkey is.',
            tone: 'ok',
          };
    case 'refused':
      return { text: `M-PESA refuses them. ${said} Compare all three with Safaricom’s portal.`, tone: 'bad' };
    case 'notAnswered':
    case 'notAsked':
      return {
        text: `M-PESA did not answer (${said}). That says nothing about the credentials: try again.`,
        tone: 'bad',
      };
    case 'unreadable':
      return {
        text: 'They cannot be opened: the master key they were sealed with is missing. See System.',
        tone: 'bad',
      };
  }
}

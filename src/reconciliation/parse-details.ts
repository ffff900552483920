// The words of a row: who paid, for which account, and what kind of movement it was (daraja.md section 7). The newer
// format has all of it in Details alone, the classic one repeats it in columns of its own; both are read by the same
// rules from the same words, so that one movement becomes one line whichever file tells it first. The reason type
// alone decides nothing: a charge carries the reason of the payment it belongs to.

import type { LineKind } from '../mpesa/source-line.ts';

export interface Words {
  details: string;
  reasonType: string;
  otherParty: string;
  account: string;
  linkedReceipt: string;
}

export interface Told {
  kind: LineKind;
  linkedReceipt: string | null;
  account: string | null;
  phone: string | null;
  payerName: string | null;
}

/** `25471****678 - JANE **** DOE`: who stands in front of the dash is a number, and behind it a name. */
const party = /^([\d*+][\d* +]*?)\s*-\s*(.*)$/s;
const partyInDetails = /\s(?:from|by|to)\s+([\d*+][\d* +]*?\s*-\s*.*?)(?:\s+Acc\.(?:\s|$).*)?$/s;
/** A payer whose name is not shown: ` from 254712345678`, with or without an account. */
const bareParty = /\s(?:from|by|to)\s+([\d*+][\d* +]{7,})(?:\s+Acc\.(?:\s|$).*)?$/s;
const accountInDetails = /\sAcc\.(?:\s+(.*))?$/s;
/** `FSI to Pay Bill by 999002 - BANK Acc. ref via WEB by BANK\User`. */
const channel = /\s+via\s+\S+\s+by\s.*$/s;
const original = /\s+Original Transaction ID\s+([A-Z0-9]{6,20})\s*$/i;
const receiptWord = /\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{10}\b/;

export function readWords(words: Words, amountCents: number): Told {
  const linkedInDetails = original.exec(words.details);
  const details = linkedInDetails === null ? words.details : words.details.slice(0, linkedInDetails.index);
  const who = readParty(words.otherParty, details);
  const account = words.account === '' ? accountOf(details) : words.account;
  const type = typeOf(details === '' ? words.reasonType : details);
  const linked = words.linkedReceipt.toUpperCase() || linkedInDetails?.[1]?.toUpperCase() || null;
  const linkedReceipt = linked !== null && /^[A-Z0-9]{4,20}$/.test(linked) ? linked : null;
  const about = { type, reason: words.reasonType, amountCents, linkedReceipt, hasPayer: who.isKnown || account !== '' };
  const kind = kindOf(about);
  return {
    kind,
    linkedReceipt: linkedReceipt ?? (kind === 'reversal' ? (receiptWord.exec(type)?.[0] ?? null) : null),
    account: account === '' ? null : account,
    phone: who.phone,
    payerName: who.name,
  };
}

function accountOf(details: string): string {
  return (accountInDetails.exec(details)?.[1] ?? '').replace(channel, '').trim();
}

interface Party {
  phone: string | null;
  name: string | null;
  isKnown: boolean;
}

function readParty(otherParty: string, details: string): Party {
  const said = party.exec(otherParty) ?? party.exec(partyInDetails.exec(details)?.[1] ?? '');
  const number = said?.[1] ?? bareParty.exec(details)?.[1] ?? (isPhone(otherParty) ? otherParty : '');
  const name = (said?.[2] ?? '').replace(/\s+/g, ' ').trim();
  return { phone: isPhone(number) ? number.trim() : null, name: name === '' ? null : name, isKnown: number !== '' };
}

/** A till or a bank's code is a number too: a phone has nine digits or more, or stars in it, or is a hash. */
function isPhone(number: string): boolean {
  const bare = number.replace(/[\s+]/g, '');
  return /^[0-9a-f]{64}$/i.test(bare) || (/^[\d*]{7,13}$/.test(bare) && (bare.includes('*') || bare.length >= 9));
}

/** What Details begin with, before anything that a customer chose. */
function typeOf(details: string): string {
  const ends = [partyInDetails, bareParty, accountInDetails].flatMap((form) => {
    const match = form.exec(details);
    return match === null ? [] : [match.index];
  });
  return details.slice(0, Math.min(details.length, ...ends)).trim();
}

const chargeWords = /\b(charges?|fees?|excise|tariff)\b(?!\s*paid\s+account)/i;
const reversalWords = /\brevers(al|ed|e)\b/i;
/** The organisation's own accounts, and what is said of moves between them. */
const ownAccounts =
  /\b(utility|working|merchant|settlement|mmf|charges? paid|organi[sz]ation)\s+(settlement\s+|mmf\s+)?account\b.*\bto\b|\bto\s+(organi[sz]ation|utility|working|merchant|settlement|mmf)\b.*\baccount\b|\bmmf account\b|\b(own|internal) (funds|account)s? (transfer|move)/i;
const moneyInWords =
  /pay ?bill|pay utility|pay merchant|merchant pay|buy goods|customer payment|merchant payment|standing order|lipa na/i;

interface About {
  type: string;
  reason: string;
  amountCents: number;
  linkedReceipt: string | null;
  /** Somebody paid, or named an account. */
  hasPayer: boolean;
}

function kindOf({ type, reason, amountCents, linkedReceipt, hasPayer }: About): LineKind {
  const isOut = amountCents < 0;
  if (chargeWords.test(type)) return 'charge';
  if (isOut && reversalWords.test(type)) return 'reversal';
  if (/withdraw|\bto bank\b/i.test(type)) return isOut ? 'withdrawal' : 'other';
  if (ownAccounts.test(type)) return 'float';
  if (isOut && (reversalWords.test(reason) || linkedReceipt !== null)) return 'reversal';
  if (isOut) return 'withdrawal';
  if (reversalWords.test(type)) return 'other';
  return hasPayer || moneyInWords.test(type) || (type === '' && moneyInWords.test(reason)) ? 'payment' : 'other';
}

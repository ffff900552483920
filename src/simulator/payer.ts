// How M-PESA shows a payer where it does not show the number: the masks of C2B, Pull and the statements (daraja.md
// sections 6.3, 6.4, 7 and 8), and a name for each phone, always the same one. The people are invented.

import { createHash } from 'node:crypto';
import type { Settings } from './settings.ts';

const firstNames = 'JANE JOHN MARY PETER GRACE DAVID FAITH JAMES MERCY BRIAN LUCY KEVIN ESTHER PAUL ROSE SAMUEL'.split(
  ' ',
);
const lastNames = 'DOE OTIENO WANJIKU MWANGI ACHIENG KAMAU MUTUA CHEBET KIPTOO NJERI OMONDI HASSAN'.split(' ');

export function firstName(phone: string): string {
  return firstNames[Number(phone.slice(-4, -2)) % firstNames.length]!;
}

/** `25471****678 - JANE **** DOE`: Other Party Info of a statement. */
export function maskedParty(phone: string, form: Settings['statementPhone']): string {
  const lastName = lastNames[Number(phone.slice(-2)) % lastNames.length]!;
  const shown = form === 'local' ? `0${phone.slice(3)}` : phone;
  const visible = form === 'local' ? 3 : 5;
  return `${shown.slice(0, visible)}****${phone.slice(-3)} - ${firstName(phone)} **** ${lastName}`;
}

/** MSISDN of a C2B body. */
export function c2bPhone(phone: string, version: 1 | 2, form: Settings['confirmationPhone']): string {
  if (form === 'stars') return `${phone.slice(0, 5)}****${phone.slice(-3)}`;
  return version === 1
    ? createHash('sha256').update(phone).digest('hex')
    : `${phone.slice(0, 4)} ***** ${phone.slice(-3)}`;
}

/** `msisdn` of a Pull row: the national number, as a number, or a mask. */
export function pullPhone(phone: string, form: Settings['pullPhone']): string | number {
  return form === 'masked' ? `${phone.slice(0, 5)}****${phone.slice(-3)}` : Number(phone.slice(3));
}

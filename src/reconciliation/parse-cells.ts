// Single cells of a statement (daraja.md section 7): now texts, now numbers, with thousands separators or without, times
// in three notations. Null is an empty cell, undefined one that cannot be read; nothing is guessed, because a sum that
// was read wrong is worse than one that was not read.

import { wallClock } from '../mpesa/line-values.ts';

/** As a file holds it; a date cell of a spreadsheet has become `yyyy-MM-dd HH:mm:ss`. */
export type Cell = string | number | null;

const longestText = 500;

/** Without the spaces around it, of which no-break ones are some. */
export function textOf(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return '';
  return (typeof cell === 'number' ? String(cell) : cell).trim().slice(0, longestText);
}

const currency = /^(kes|kshs?\.?)\s*/i;
const plainMoney = /^(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d*))?$/;

/** Shillings as exact cents. `1,100.00`, `-30`, `(30.00)`, `KES 5`; null for an empty cell, undefined for anything else. */
export function parseMoney(cell: Cell | undefined): number | null | undefined {
  if (typeof cell === 'number') return centsOf(cell);
  let text = textOf(cell).replace(/−/g, '-').replace(currency, '');
  if (text === '' || text === '-') return null;
  const isBracketed = text.startsWith('(') && text.endsWith(')');
  if (isBracketed) text = text.slice(1, -1).trim().replace(currency, '');
  const isNegative = text.startsWith('-');
  if (isNegative && isBracketed) return undefined;
  const match = plainMoney.exec(text.replace(/^[+-]\s*/, ''));
  if (match === null) return undefined;
  const decimals = match[2] ?? '';
  if (/[1-9]/.test(decimals.slice(2))) return undefined;
  const cents = Number(match[1]!.replaceAll(',', '')) * 100 + Number(decimals.slice(0, 2).padEnd(2, '0'));
  return (isNegative || isBracketed) && cents !== 0 ? -cents : cents;
}

/** A spreadsheet keeps 0.1 as the nearest binary fraction: what is off by less than a hundredth of a cent is exact. */
function centsOf(shillings: number): number | undefined {
  const cents = Math.round(shillings * 100);
  if (!Number.isSafeInteger(cents) || Math.abs(shillings * 100 - cents) > 0.01) return undefined;
  return cents === 0 ? 0 : cents;
}

const clock = String.raw`(?:T|,?\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(am|pm)?`;
const dayFirst = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})${clock}$`, 'i');
const yearFirst = new RegExp(String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})${clock}$`, 'i');
/** Days since the beginning of 1900, as spreadsheets count them: 2000 to 2100. */
const [firstSerial, lastSerial] = [36_526, 73_050];

/** A time of Nairobi's clocks as milliseconds since the epoch; null for an empty cell, undefined for no time. */
export function parseTime(cell: Cell | undefined): number | null | undefined {
  if (typeof cell === 'number') {
    const isDate = cell >= firstSerial && cell < lastSerial;
    return isDate ? (wallClock(serialText(cell).replace(' ', 'T')) ?? undefined) : undefined;
  }
  const text = textOf(cell);
  if (text === '') return null;
  const first = dayFirst.exec(text);
  if (first !== null) return timeOf([first[4]!, first[3]!, first[1]!], first.slice(5));
  const second = yearFirst.exec(text);
  if (second !== null) return timeOf([second[1]!, second[3]!, second[4]!], second.slice(5));
  return undefined;
}

/** {@link parseTime}, and a day without a time of day is its beginning. */
export function parseDayOrTime(cell: Cell | undefined): number | null | undefined {
  const text = textOf(cell);
  return parseTime(/^[\d]+([-/.])\d+\1\d+$/.test(text) ? `${text} 00:00:00` : (cell ?? null));
}

function timeOf(
  [year, month, day]: [string, string, string],
  [hours, minutes, seconds, half]: (string | undefined)[],
): number | undefined {
  let hour = Number(hours);
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
  }
  const two = (value: string | number): string => String(value).padStart(2, '0');
  const at = wallClock(`${year}-${two(month)}-${two(day)}T${two(hour)}:${minutes}:${seconds ?? '00'}`);
  return at === null || year < '2000' ? undefined : at;
}

/** A spreadsheet's own count of days as `yyyy-MM-dd HH:mm:ss`, to the second. */
export function serialText(days: number): string {
  const ms = Math.round((days - 25_569) * 86_400) * 1000;
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

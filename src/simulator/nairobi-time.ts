// Daraja writes every time as Nairobi wall time without a zone (daraja.md sections 2 and 4). Kenya has been at UTC+3
// all year since 1960, so a fixed offset is right and no time zone database is needed.

const offsetMs = 3 * 3600 * 1000;

interface WallTime {
  year: number;
  month: number;
  day: number;
  hour: string;
  minute: string;
  second: string;
}

function wallTime(epochMs: number): WallTime {
  const date = new Date(epochMs + offsetMs);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: twoDigits(date.getUTCHours()),
    minute: twoDigits(date.getUTCMinutes()),
    second: twoDigits(date.getUTCSeconds()),
  };
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** `yyyyMMddHHmmss`, the form of Timestamp and TransactionDate. */
export function darajaTimestamp(epochMs: number): string {
  const { year, month, day, hour, minute, second } = wallTime(epochMs);
  return `${year}${twoDigits(month)}${twoDigits(day)}${hour}${minute}${second}`;
}

/** `ddMMyyyyHHmmss`, the middle of a CheckoutRequestID. */
export function checkoutIdTime(epochMs: number): string {
  const { year, month, day, hour, minute, second } = wallTime(epochMs);
  return `${twoDigits(day)}${twoDigits(month)}${year}${hour}${minute}${second}`;
}

/** Year, month and day in Nairobi: what the first three characters of a receipt say. */
export function nairobiDay(epochMs: number): { year: number; month: number; day: number } {
  const { year, month, day } = wallTime(epochMs);
  return { year, month, day };
}

/** `14:31:58`. */
export function nairobiClock(epochMs: number): string {
  const { hour, minute, second } = wallTime(epochMs);
  return `${hour}:${minute}:${second}`;
}

/** `06-10-2026 14:15:52` in the classic statement, `06/10/2026 14:15:52` in the newer one. */
export function statementTime(epochMs: number, separator: '-' | '/'): string {
  const { year, month, day } = wallTime(epochMs);
  return `${[twoDigits(day), twoDigits(month), year].join(separator)} ${nairobiClock(epochMs)}`;
}

/** `2026-10-06`. */
export function nairobiDate(epochMs: number): string {
  return new Date(epochMs + offsetMs).toISOString().slice(0, 10);
}

/** `2026-10-06 14:15:52`, the form of Pull's StartDate and EndDate. */
export function pullTime(epochMs: number): string {
  return `${nairobiDate(epochMs)} ${nairobiClock(epochMs)}`;
}

/** The moment a `YYYY-MM-DD` begins, or a `YYYY-MM-DD HH:MM:SS` names, in Nairobi; undefined when it is neither. */
export function readNairobiTime(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?$/.exec(text);
  if (parts === null) return undefined;
  return readDarajaTimestamp(
    parts
      .slice(1)
      .map((part) => part ?? '00')
      .join(''),
  );
}

/** The moment a `yyyyMMddHHmmss` names when read as Nairobi time; undefined when it is no date. */
export function readDarajaTimestamp(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const epochMs = Date.UTC(year, month - 1, day, hour, minute, second) - offsetMs;
  return darajaTimestamp(epochMs) === text ? epochMs : undefined;
}

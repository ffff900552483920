// What the checks of a server report, and how `lango doctor` prints it.

export interface Check {
  /** What was looked at. */
  name: string;
  status: 'ok' | 'warning' | 'problem';
  /** What was found. */
  detail: string;
  /** What to do about it; null when there is nothing to do. */
  advice: string | null;
}

export const ok = (name: string, detail: string): Check => ({ name, status: 'ok', detail, advice: null });

export const warning = (name: string, detail: string, advice: string): Check => ({
  name,
  status: 'warning',
  detail,
  advice,
});

export const problem = (name: string, detail: string, advice: string): Check => ({
  name,
  status: 'problem',
  detail,
  advice,
});

export const hasProblem = (checks: readonly Check[]): boolean => checks.some(({ status }) => status === 'problem');

/** For people: a line for each check, what to do beneath it, and the sum. */
export function inWords(checks: readonly Check[]): string {
  const lines = checks.flatMap(({ name, status, detail, advice }) => [
    `${status.padEnd(8)} ${name.padEnd(14)} ${detail}`,
    ...(advice === null ? [] : [`${' '.repeat(24)}-> ${advice}`]),
  ]);
  const count = (wanted: Check['status']): number => checks.filter(({ status }) => status === wanted).length;
  return [...lines, '', `${count('ok')} ok, ${count('warning')} warning(s), ${count('problem')} problem(s)`].join('\n');
}

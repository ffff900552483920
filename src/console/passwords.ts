// Passwords: argon2id with the parameters OWASP names first for it (19 MiB, two passes, one lane), hashed off the event
// loop. A sign-in with an address nobody has costs the same as a wrong password.

import { hash, verify } from '@node-rs/argon2';

export const shortestPassword = 12;
const longestPassword = 256;

const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFKC'), parameters);
}

let decoy: Promise<string> | null = null;

/** @param stored null for an account that does not exist: the answer is no, after the same work */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  decoy ??= hashPassword('nobody has this password');
  const isRight = await verify(stored ?? (await decoy), password.slice(0, longestPassword).normalize('NFKC'));
  return isRight && stored !== null;
}

/** Null when it may be used, else one sentence. Length is what counts; what others guess first is refused. */
export function passwordProblem(password: string, email: string): string | null {
  if ([...password].length < shortestPassword)
    return `A password has at least ${shortestPassword} characters. Three or four unrelated words are easy to remember.`;
  if (password.length > longestPassword) return `A password has at most ${longestPassword} characters.`;
  const plain = password.toLowerCase();
  const [name = ''] = email.toLowerCase().split('@');
  if (name.length > 3 && plain.includes(name)) return 'The password must not contain your e-mail address.';
  if (/^(.)\1*$/u.test(plain) || /^(password|lango|safaricom|mpesa|m-pesa|qwerty|letmein|admin)[\d\W]*$/.test(plain))
    return 'This password is among the first that are tried. Choose another one.';
  if (isRun(plain)) return 'This password is a run of letters or digits. Choose another one.';
  return null;
}

/** `abcdefghijkl`, `123456789012`: each character follows the one before. */
function isRun(text: string): boolean {
  const steps = [...text].slice(1).map((character, index) => character.charCodeAt(0) - text.charCodeAt(index));
  return steps.every((step) => step === 1 || step === -9) || steps.every((step) => step === -1 || step === 9);
}

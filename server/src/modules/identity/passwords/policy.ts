import { readFileSync } from 'node:fs';
import { passwordBytesMax, passwordLengthMin } from '@alcove/contract/account';
import { weakPassword } from './errors.ts';

/** Throws `auth.weak_password` for what is too short, too long, or among the first that anybody would try. */
export function requireAcceptablePassword(password: string, email?: string): void {
  const length = [...password.normalize('NFC')].length;
  if (length < passwordLengthMin) {
    throw weakPassword(`A password has at least ${passwordLengthMin} characters, better 15.`);
  }
  if (Buffer.byteLength(password) > passwordBytesMax) {
    throw weakPassword(`A password has at most ${passwordBytesMax} bytes.`);
  }
  if (isCommon(password) || isAddress(password, email)) {
    throw weakPassword('This password is among the first that anybody would try. Choose another one.');
  }
}

/** The same word with the usual letters written as digits and signs is no other word. */
export function fold(password: string): string {
  return [...password.normalize('NFKC').toLowerCase()].map((sign) => lookalikes[sign] ?? sign).join('');
}

const lookalikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '!': 'i',
  '3': 'e',
  '4': 'a',
  '@': 'a',
  '5': 's',
  $: 's',
  '7': 't',
};

const common: ReadonlySet<string> = new Set(
  readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(fold),
);

function isCommon(password: string): boolean {
  const folded = fold(password);
  return common.has(folded) || isOneSign(folded) || isWalk(password);
}

const isOneSign = (text: string) => new Set(text).size === 1;

/** Neighbours all the way, up or down: 12345678, abcdefgh, 87654321. */
function isWalk(password: string): boolean {
  const codes = [...password.toLowerCase()].map((sign) => sign.codePointAt(0) ?? 0);
  const steps = new Set(codes.slice(1).map((code, at) => code - (codes[at] ?? 0)));
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}

function isAddress(password: string, email: string | undefined): boolean {
  if (email === undefined) return false;
  const [person = ''] = email.toLowerCase().split('@');
  return [email.toLowerCase(), person].includes(password.trim().toLowerCase());
}

import { Secret } from '../crypto/index.ts';

/** One setting: what it is for, how its text is read, and what holds when nothing is set. */
export interface Setting<T> {
  readonly name: string;
  /** For whoever runs the service: what it does and what follows from changing it. */
  readonly what: string;
  /** What a good text looks like, to end the sentence "expected …". */
  readonly expected: string;
  /** Undefined for a text that is not as expected. */
  readonly parse: (text: string) => T | undefined;
  readonly fallback: T;
  /** The text that means the fallback. Without it the fallback is not one text, and `what` explains it. */
  readonly fallbackText?: string;
  /** Its text must not be shown, also not in a complaint about it. */
  readonly secret?: true;
  /** Settings that share a group are set together or not at all. */
  readonly group?: string;
}

type Words = Pick<Setting<unknown>, 'name' | 'what' | 'group'>;

export function integer<F extends number | undefined>(
  words: Words & { min: number; max: number; fallback: F },
): Setting<number | F> {
  const { min, max, ...rest } = words;
  return {
    ...rest,
    ...(words.fallback === undefined ? {} : { fallbackText: String(words.fallback) }),
    expected: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^\d{1,15}$/.test(text) ? within(Number(text), min, max) : undefined),
  };
}

export function decimal(words: Words & { min: number; max: number; fallback: number }): Setting<number> {
  const { min, max, ...rest } = words;
  return {
    ...rest,
    fallbackText: String(words.fallback),
    expected: `a number from ${min} to ${max}`,
    parse: (text) => (/^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? within(Number(text), min, max) : undefined),
  };
}

const bytesPerUnit: Readonly<Record<string, number>> = { '': 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

export function bytes(words: Words & { min: number; max: number; fallback: number }): Setting<number> {
  const { min, max, ...rest } = words;
  return {
    ...rest,
    fallbackText: String(words.fallback),
    expected: `a size from ${min} to ${max} bytes, for example 1048576 or 1MiB`,
    parse: (text) => {
      const [, digits = '', unit = ''] = /^(\d{1,12}) ?([kmg]ib)?$/i.exec(text) ?? [];
      return digits === ''
        ? undefined
        : within(Number(digits) * (bytesPerUnit[unit.toLowerCase()] ?? 1), min, max);
    },
  };
}

export function flag(words: Words & { fallback: boolean }): Setting<boolean> {
  return {
    ...words,
    fallbackText: String(words.fallback),
    expected: 'true or false',
    parse: (text) => ({ true: true, 1: true, false: false, 0: false })[text.toLowerCase()],
  };
}

export function choice<const C extends string>(
  words: Words & { choices: readonly C[]; fallback: NoInfer<C> },
): Setting<C> {
  const { choices, ...rest } = words;
  return {
    ...rest,
    fallbackText: words.fallback,
    expected: `one of ${choices.join(', ')}`,
    parse: (text) => choices.find((known) => known === text),
  };
}

export function text(words: Words & { fallback: string }): Setting<string> {
  return { ...words, fallbackText: words.fallback, expected: 'a text without spaces', parse: unspaced };
}

/** A text of a shape that `accepts` knows. */
export function shaped(
  words: Words & { expected: string; accepts: (text: string) => boolean },
): Setting<string | undefined> {
  const { accepts, ...rest } = words;
  return { ...rest, fallback: undefined, parse: (value) => (accepts(value) ? value : undefined) };
}

export function folder(words: Words & { fallback: string }): Setting<string> {
  return { ...words, fallbackText: words.fallback, expected: 'a path', parse: (path) => path };
}

/** An address at which others reach us; answered without a slash at its end. */
export function webAddress(words: Words): Setting<string | undefined> {
  return {
    ...words,
    fallback: undefined,
    expected: 'an address such as https://alcove.example.com',
    parse: (address) => {
      const url = httpUrl(address);
      return url === undefined || url.search !== '' || url.hash !== ''
        ? undefined
        : url.href.replace(/\/+$/, '');
    },
  };
}

export function webOrigins(words: Words): Setting<readonly string[]> {
  return {
    ...words,
    fallback: [],
    expected: 'web origins separated by commas, such as https://app.example.com,http://localhost:5173',
    parse: (list) => {
      const origins = list.split(',').map((origin) => origin.trim());
      return origins.every(isWebOrigin) ? origins : undefined;
    },
  };
}

/** Addresses of apps: pages on the web, or a scheme of an app's own such as myapp://signed-in. */
export function appAddresses(words: Words): Setting<readonly string[]> {
  return {
    ...words,
    fallback: [],
    expected: 'addresses separated by commas, such as https://app.example.com/signed-in,myapp://signed-in',
    parse: (list) => {
      const addresses = list.split(',').map((address) => address.trim());
      return addresses.every(isAppAddress) ? addresses : undefined;
    },
  };
}

export function secret(
  words: Words & { expected: string; accepts: (text: string) => boolean },
): Setting<Secret | undefined> {
  const { accepts, ...rest } = words;
  return {
    ...rest,
    secret: true,
    fallback: undefined,
    parse: (value) => (accepts(value) ? new Secret(value) : undefined),
  };
}

function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

function unspaced(value: string): string | undefined {
  return /^\S+$/.test(value) ? value : undefined;
}

function isWebOrigin(origin: string): boolean {
  return httpUrl(origin)?.origin === origin;
}

function isAppAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hash, username, password } = new URL(address);
  const isScript = ['javascript:', 'data:', 'blob:', 'file:', 'vbscript:'].includes(protocol);
  return !isScript && hash === '' && username === '' && password === '';
}

function httpUrl(address: string): URL | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  return isHttp && url.username === '' && url.password === '' ? url : undefined;
}

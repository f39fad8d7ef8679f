/** Reads what is around the changes of a push or the change of a resolution. Whatever is wrong here is wrong with the whole request. */
import { syncLimits } from '@alcove/contract/limits';
import { isNestedDeeperThan, jsonDepthMax } from '../../../platform/json/index.ts';

export type EnvelopeFault =
  | { readonly outcome: 'malformed_json'; readonly detail: string }
  | {
      readonly outcome: 'invalid';
      readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
    };

export interface PushEnvelope {
  readonly outcome: 'read';
  readonly parsed: object;
  readonly changes: readonly unknown[];
  readonly isAtomic: boolean;
  /** What the device says it had sent before; `undefined` from one that does not say. */
  readonly sentCounter: number | undefined;
}

interface PushMembers {
  readonly changes?: unknown;
  readonly atomic?: unknown;
  readonly sentCounter?: unknown;
}

interface ResolveMembers {
  readonly change?: unknown;
  readonly sentCounter?: unknown;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function readPush(body: Uint8Array): PushEnvelope | EnvelopeFault {
  const read = readObject(body);
  if (read.outcome !== 'read') return read;
  const { changes, atomic = false, sentCounter, ...unknown }: PushMembers = read.parsed;
  if (!Array.isArray(changes)) return invalid('/changes', 'must be a list of changes');
  if (changes.length > syncLimits.changesPerPushMax) {
    return invalid(
      '/changes',
      `must hold at most ${syncLimits.changesPerPushMax} changes, got ${changes.length}`,
    );
  }
  if (typeof atomic !== 'boolean') return invalid('/atomic', 'must be true or false');
  if (!isCounter(sentCounter)) return notACounter;
  return findUnknown(unknown) ?? { ...read, changes, isAtomic: atomic, sentCounter };
}

export interface ResolveEnvelope {
  readonly outcome: 'read';
  readonly parsed: object;
  readonly change: unknown;
  readonly sentCounter: number | undefined;
}

export function readResolve(body: Uint8Array): ResolveEnvelope | EnvelopeFault {
  const read = readObject(body);
  if (read.outcome !== 'read') return read;
  const { change, sentCounter, ...unknown }: ResolveMembers = read.parsed;
  if (change === undefined) return invalid('/change', 'must be the change that resolves the conflict');
  if (!isCounter(sentCounter)) return notACounter;
  return findUnknown(unknown) ?? { ...read, change, sentCounter };
}

function readObject(body: Uint8Array): { outcome: 'read'; parsed: object } | EnvelopeFault {
  const json = parse(body);
  if ('outcome' in json) return json;
  const { value } = json;
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? { outcome: 'read', parsed: value } : invalid('', 'must be an object');
}

function findUnknown(members: object): EnvelopeFault | undefined {
  const [stranger] = Object.keys(members);
  return stranger === undefined ? undefined : invalid(`/${escapePointer(stranger)}`, 'is not a known member');
}

function isCounter(value: unknown): value is number | undefined {
  return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0);
}

function parse(body: Uint8Array): { readonly value: unknown } | EnvelopeFault {
  try {
    const text = utf8.decode(body);
    if (isNestedDeeperThan(jsonDepthMax, text))
      return invalid('', `must not nest deeper than ${jsonDepthMax} levels`);
    return { value: JSON.parse(text) };
  } catch {
    // The parser's own message would quote the body.
    return { outcome: 'malformed_json', detail: 'The body cannot be read as JSON in UTF-8.' };
  }
}

const invalid = (pointer: string, detail: string): EnvelopeFault => ({
  outcome: 'invalid',
  errors: [{ pointer, detail }],
});

const notACounter = invalid('/sentCounter', 'must be an integer from 0');

/** RFC 6901, section 3. A name is cut, because it is the caller's and may be long. */
const escapePointer = (name: string) => name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');

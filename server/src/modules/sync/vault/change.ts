/**
 * Reads one change of a push. A malformed change is refused alone and told which member is wrong, so this speaks of
 * each member itself; what came is described, never repeated, because it may be what a person wrote.
 */
import type { Change, Kind, Meta } from '@alcove/contract';
import type { VectorClock } from '@alcove/contract/clock';
import { parseHybridTime } from '@alcove/contract/hybrid-time';
import { syncLimits } from '@alcove/contract/limits';
import { type Rejection, rejections } from '../errors.ts';

export interface AuthoredChange extends Required<Omit<Change, 'payload' | 'meta'>> {
  /** Whether it says itself who wrote it, as history does that is sent again. */
  readonly namesAuthor: boolean;
  /** The wall-clock part of its time. */
  readonly atMs: number;
  readonly payload: string | undefined;
  readonly meta: Meta | undefined;
}

export type ChangeRead =
  | { readonly ok: true; readonly change: AuthoredChange }
  | { readonly ok: false; readonly code: Rejection; readonly detail: string };

type Members = Readonly<Record<string, unknown>>;

/** Thrown and caught in this file alone: the first wrong member ends the reading. */
class Wrong extends Error {
  readonly code: Rejection;
  constructor(code: Rejection, detail: string) {
    super(detail);
    this.code = code;
  }
}

export function readChange(raw: unknown, deviceId: string): ChangeRead {
  try {
    return { ok: true, change: toChange(raw, deviceId) };
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, code: error.code, detail: error.message };
    throw error;
  }
}

const known = new Set(['id', 'kind', 'op', 'clock', 'time', 'epoch', 'payload', 'meta', 'deviceId']);
const kinds: readonly Kind[] = ['entry', 'memory', 'tag'];
const ops: readonly Change['op'][] = ['put', 'delete'];
const sourceTypes = ['user', 'ai', 'import'] as const;
const itemIdShape = /^[A-Za-z0-9_-]{16,64}$/;
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const epochMax = 2_147_483_647;

function toChange(raw: unknown, caller: string): AuthoredChange {
  const members = readObject(raw, 'the change');
  refuseUnknown(members, known, '');
  const kind = readOneOf(members.kind, kinds, 'kind');
  const op = readOneOf(members.op, ops, 'op');
  const id = readItemId(members.id, 'id');
  const deviceId = readAuthor(members.deviceId, caller);
  const clock = readClock(members.clock, op, deviceId);
  const { time, atMs } = readTime(members.time);
  return {
    id,
    kind,
    op,
    clock,
    time,
    atMs,
    deviceId,
    namesAuthor: members.deviceId !== undefined,
    epoch: readInteger(members.epoch, { min: 1, max: epochMax }, 'epoch'),
    payload: readPayload(members, op),
    meta: readMeta(members.meta, kind),
  };
}

function readAuthor(value: unknown, caller: string): string {
  if (value === undefined) return caller;
  if (typeof value === 'string' && uuidShape.test(value)) return value;
  throw wrong('deviceId', 'must be a UUID in lower case', describe(value));
}

/** Zero entries say nothing, so they are left out: one clock has one text. */
function readClock(value: unknown, op: Change['op'], deviceId: string): VectorClock {
  const clock = readCounters(value, syncLimits.devicesPerDeletionMax, 'clock');
  const devices = Object.keys(clock).length;
  if (op === 'put' && devices > syncLimits.devicesPerClockMax) throw clockFull(devices);
  if (clock[deviceId] === undefined) {
    throw wrong('clock', "must count this change in its device's own entry", 'no such entry, or 0');
  }
  return clock;
}

/** Nobody may shorten a clock, so what is too long for one begins another. */
function clockFull(devices: number): Wrong {
  return new Wrong(
    rejections.clockFull,
    `clock must name at most ${syncLimits.devicesPerClockMax} devices, got ${devices}: write the content as a new item, ` +
      'and delete this one',
  );
}

function readCounters(value: unknown, devicesMax: number, at: string): VectorClock {
  const given = readObject(value, at);
  const devices = Object.keys(given);
  if (devices.length > devicesMax)
    throw wrong(at, `must name at most ${devicesMax} devices`, `${devices.length}`);
  const counters: Record<string, number> = {};
  for (const device of devices.sort()) {
    if (!uuidShape.test(device)) {
      throw wrong(
        at,
        'must have device ids (UUIDs in lower case) as members',
        `one of ${device.length} characters`,
      );
    }
    const count = readInteger(given[device], { min: 0, max: syncLimits.counterMax }, `${at}.${device}`);
    if (count > 0) counters[device] = count;
  }
  return counters;
}

function readTime(value: unknown): { time: string; atMs: number } {
  if (typeof value === 'string') {
    const parsed = parseHybridTime(value);
    if (parsed !== undefined) return { time: value, atMs: parsed.atMs };
  }
  throw wrong('time', 'must be a hybrid time such as 2026-11-20T07:16:00.123Z-0000', describe(value));
}

/** That of a deletion proves who made it, and has nothing to say beside that. */
function readPayload({ payload }: Members, op: Change['op']): string | undefined {
  if (op === 'delete' && payload === undefined) return undefined;
  if (typeof payload !== 'string')
    throw wrong('payload', `must be base64url text on ${op}`, describe(payload));
  const lengthMax = op === 'put' ? syncLimits.payloadLengthMax : syncLimits.deletionPayloadLengthMax;
  if (payload.length > lengthMax) {
    throw new Wrong(
      rejections.payloadTooLarge,
      `payload must be at most ${lengthMax} characters on ${op}, got ${payload.length}`,
    );
  }
  if (!isCanonicalBase64Url(payload)) {
    throw wrong('payload', 'must be canonical base64url without padding', describe(payload));
  }
  return payload;
}

const base64UrlShape = /^[A-Za-z0-9_-]*$/;
/** Last characters whose unused bits are zero, by length of the text modulo 4: one text for the same bytes. */
const lastCharacters: Readonly<Record<number, RegExp>> = { 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ };

function isCanonicalBase64Url(text: string): boolean {
  const rest = text.length % 4;
  return rest !== 1 && base64UrlShape.test(text) && (lastCharacters[rest]?.test(text.slice(-1)) ?? true);
}

function readMeta(value: unknown, kind: Kind): Meta | undefined {
  if (value === undefined) return undefined;
  const members = readObject(value, 'meta');
  if (kind === 'memory') return readMemoryMeta(members);
  if (kind === 'tag') return readTagMeta(members);
  refuseUnknown(members, new Set(), 'meta.');
  return undefined;
}

function readMemoryMeta(members: Members): Meta {
  refuseUnknown(members, new Set(['sources', 'accessCounts']), 'meta.');
  const { sources, accessCounts } = members;
  return {
    ...(sources === undefined ? {} : { sources: readSources(sources) }),
    ...(accessCounts === undefined
      ? {}
      : { accessCounts: readCounters(accessCounts, syncLimits.devicesPerClockMax, 'meta.accessCounts') }),
  };
}

function readSources(value: unknown): string[] {
  if (!Array.isArray(value)) throw wrong('meta.sources', 'must be a list of entry ids', describe(value));
  if (value.length > syncLimits.sourcesMax) {
    throw wrong('meta.sources', `must name at most ${syncLimits.sourcesMax} entries`, `${value.length}`);
  }
  return value.map((source, at) => readItemId(source, `meta.sources[${at}]`));
}

function readTagMeta(members: Members): Meta {
  refuseUnknown(members, new Set(['entryId', 'confidence', 'sourceType']), 'meta.');
  const { entryId, confidence, sourceType } = members;
  return {
    ...(entryId === undefined ? {} : { entryId: readItemId(entryId, 'meta.entryId') }),
    ...(confidence === undefined ? {} : { confidence: readConfidence(confidence) }),
    ...(sourceType === undefined
      ? {}
      : { sourceType: readOneOf(sourceType, sourceTypes, 'meta.sourceType') }),
  };
}

function readConfidence(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw wrong('meta.confidence', 'must be a number from 0 to 1', describe(value));
}

function readObject(value: unknown, at: string): Members {
  if (isObject(value)) return value;
  throw wrong(at, 'must be an object', describe(value));
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuseUnknown(members: Members, allowed: ReadonlySet<string>, prefix: string): void {
  for (const name of Object.keys(members)) {
    if (!allowed.has(name)) {
      throw wrong(`${prefix}${name.slice(0, 40)}`, 'must not be there', 'an unknown member');
    }
  }
}

function readItemId(value: unknown, at: string): string {
  if (typeof value === 'string' && itemIdShape.test(value)) return value;
  throw wrong(at, 'must be 16 to 64 characters of A-Z a-z 0-9 _ -', describe(value));
}

function readOneOf<T extends string>(value: unknown, choices: readonly T[], at: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrong(at, `must be one of ${choices.join(', ')}`, describe(value));
  return choice;
}

function readInteger(value: unknown, { min, max }: { min: number; max: number }, at: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw wrong(at, `must be an integer from ${min} to ${max}`, describe(value));
}

function wrong(member: string, expected: string, got: string): Wrong {
  return new Wrong(rejections.invalidChange, `${member} ${expected}, got ${got}`);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return `a text of ${value.length} characters`;
  if (typeof value === 'number') return `${value}`;
  return typeof value === 'object' ? 'an object' : `${String(value)}`;
}

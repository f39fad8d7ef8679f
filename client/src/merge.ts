/** Bringing concurrent versions together field by field. */
import type { Conflict } from './conflicts.ts';
import { areSameJson } from './json.ts';
import { isRecord } from './wire.ts';

/** A field that several versions changed, each to something else. */
export interface FieldClash {
  /** JSON Pointer to the field; empty when it is the whole value. */
  readonly pointer: string;
  /** What the merged value has: the field of whoever wrote last. */
  readonly kept: unknown;
  /** What other versions have there; `undefined` where they removed it. */
  readonly dropped: readonly unknown[];
}

/** A merged value, ready for `vault.resolve`. */
export interface FieldMerge {
  readonly value: unknown;
  /** Nothing was lost when it is empty; otherwise show these to a person. */
  readonly clashes: readonly FieldClash[];
}

/** A field as one version has it, latest version first in every list of them. */
type Side = { readonly value: unknown } | undefined;

/**
 * Merges the versions of a conflict, field by field through nested objects. Texts, numbers and lists stay whole.
 *
 * With the base that all versions were made from, a field that one of them changed is as changed, and one that they
 * removed is gone unless another one changed it. Without a base every field that any version has stays. Where versions
 * truly disagree, the last writer's field is kept and the clash is listed. A deletion gives way to an edit. All devices
 * that merge the same versions from the same base get the same value.
 *
 * Throws nothing; versions with `error` are left out, so look at these first.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { mergeFields } from '@alcove/client';
 *
 * const at = (minute: number) => `2026-11-20T07:0${minute}:00.000Z-0000`;
 * const merged = mergeFields({
 *   base: { value: { title: 'Monday', text: 'Up betimes.', mood: 3 } },
 *   mine: { value: { title: 'Monday', text: 'Up betimes.', mood: 5 }, time: at(1), deviceId: 'phone', deleted: false },
 *   theirs: [
 *     { value: { title: 'Monday, wet', text: 'Up late.', mood: 4 }, time: at(2), deviceId: 'laptop', deleted: false },
 *   ],
 * });
 * assert.deepEqual(merged.value, { title: 'Monday, wet', text: 'Up late.', mood: 4 });
 * assert.deepEqual(merged.clashes, [{ pointer: '/mood', kept: 4, dropped: [5] }]);
 * ```
 */
export function mergeFields({ base, mine, theirs }: Pick<Conflict, 'base' | 'mine' | 'theirs'>): FieldMerge {
  const versions = [mine, ...theirs].filter(({ deleted, error }) => !deleted && error === undefined);
  const latestFirst = versions.toSorted((a, b) => (isLater(a, b) ? -1 : 1));
  const clashes: FieldClash[] = [];
  const sides = latestFirst.map(({ value }) => ({ value }));
  const merged = merge(base, sides, '', clashes);
  return { value: merged?.value, clashes };
}

type Written = Conflict['mine'];

function isLater(a: Written, b: Written): boolean {
  return a.time === b.time ? a.deviceId > b.deviceId : a.time > b.time;
}

/** Only what differs from the base was changed. Without a base what is there is new, and nothing was removed. */
function merge(base: Side, sides: readonly Side[], pointer: string, clashes: FieldClash[]): Side {
  const changed = distinct(sides.filter((side) => !isSame(side, base)));
  if (changed.length < 2) return changed.length === 0 ? base : changed[0];
  const before = base === undefined ? {} : base.value;
  const after = asObjects(changed);
  if (after === undefined || !isRecord(before)) return settle(changed, pointer, clashes);
  const names = [...new Set(after.flatMap((object) => Object.keys(object)))];
  const members = names.flatMap((name) => {
    const fields = after.map((object) => fieldOf(object, name));
    const merged = merge(fieldOf(before, name), fields, `${pointer}/${escaped(name)}`, clashes);
    return merged === undefined ? [] : [[name, merged.value] as const];
  });
  // Not by assignment, which would take a member named __proto__ for something else.
  return { value: Object.fromEntries(members) };
}

/** The last writer's field, but rather one that is there than its removal. */
function settle(sides: readonly Side[], pointer: string, clashes: FieldClash[]): Side {
  const kept = sides.find((side) => side !== undefined);
  const dropped = sides.filter((side) => side !== kept).map((side) => side?.value);
  clashes.push({ pointer, kept: kept?.value, dropped });
  return kept;
}

/** A name within a JSON Pointer (RFC 6901, section 3). */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function fieldOf(object: Readonly<Record<string, unknown>>, name: string): Side {
  return Object.hasOwn(object, name) ? { value: object[name] } : undefined;
}

/** The sides as objects, if every one of them is. */
function asObjects(sides: readonly Side[]): Record<string, unknown>[] | undefined {
  const objects = sides.map((side) => side?.value).filter(isRecord);
  return objects.length === sides.length ? objects : undefined;
}

function distinct(sides: readonly Side[]): Side[] {
  return sides.filter((side, at) => sides.findIndex((other) => isSame(other, side)) === at);
}

function isSame(a: Side, b: Side): boolean {
  return a === undefined || b === undefined ? a === b : areSameJson(a.value, b.value);
}

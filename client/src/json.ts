/** What the SDK asks of JSON values. */
import { isRecord } from './wire.ts';

/** True when two JSON values say the same. The order of an object's members says nothing. */
export function areSameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => areSameJson(item, b[at]));
  }
  if (isRecord(a) && isRecord(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && areSameJson(a[name], b[name]))
    );
  }
  return a === b;
}

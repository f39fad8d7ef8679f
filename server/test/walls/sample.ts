import { randomUUID } from 'node:crypto';
import type { Schema } from './operations.ts';

/** The smallest value that a schema accepts, for calls whose body does not matter. */
export function sampleOf(schema: Schema): unknown {
  if ('const' in schema) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf?.[0] !== undefined) return sampleOf(schema.anyOf[0]);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}));
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    case 'string':
      return textOf(schema);
    default:
      return null;
  }
}

function textOf({ format, pattern = '', minLength = 1 }: Schema): string {
  if (format === 'date-time') return new Date().toISOString();
  const candidates = [randomUUID(), 'a'.repeat(minLength), 'a'.repeat(43), 'someone@example.com'];
  const fitting = candidates.find((text) => new RegExp(pattern).test(text) && text.length >= minLength);
  if (fitting === undefined) throw new Error(`no sample fits ${pattern}; add one to walls/sample.ts`);
  return fitting;
}

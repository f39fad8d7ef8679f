/** Shapes that every module shares. */
import Type, { type Static, type TProperties, type TSchema } from 'typebox';

/** An object whose unknown members are refused. */
export function Strict<P extends TProperties>(properties: P, options: { description?: string } = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

export const Uuid = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: 'A UUID in lower case.',
});

export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, with milliseconds.',
});

/** A moment that a caller names: one that both JavaScript and PostgreSQL can hold, so no leap second and no year 0 or 10000. */
export const Moment = Type.String({
  format: 'date-time',
  pattern:
    '^(?!0000|0001-01-01.*\\+|9999-12-31.*-\\d\\d:\\d\\d$)[0-9-]{10}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$',
  description: 'RFC 3339, in the years 1 to 9999.',
});

/**
 * What does not belong into one line of text: control characters, line breaks, marks that turn the direction of the text
 * around it (Unicode's Bidi_Control), halves of surrogate pairs. It holds with and without the `u` flag.
 */
export const lineOfTextPattern =
  '^(?:[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$';

/** A name as people give it. It stands in lists, letters and logs, so it must not look like something else there. */
export const Name = (options: { description?: string } = {}) =>
  Type.String({ minLength: 1, maxLength: 100, pattern: lineOfTextPattern, ...options });

export const Base64Url = (options: { minLength?: number; maxLength?: number; description?: string } = {}) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]*$', description: 'base64url without padding.', ...options });

/** Either the value or `null`. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** RFC 9457 problem, as every error answers. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'Stable: `module.reason`. Switch over this, not over the texts.' }),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() }), {
        description: 'Where the request was wrong; `pointer` is a JSON Pointer into the body.',
      }),
    ),
  },
  { description: 'RFC 9457 problem.' },
);
export type Problem = Static<typeof Problem>;

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

export const Base64Url = (bytes: { minLength?: number; maxLength?: number } = {}) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]*$', description: 'base64url without padding.', ...bytes });

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

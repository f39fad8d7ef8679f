/** `/audit`: who did what in a workspace. */
import Type, { type Static } from 'typebox';
import { Base64Url, Moment, Nullable, Strict, Timestamp, Uuid } from './common.ts';

export const AuditEntry = Type.Object({
  id: Uuid,
  at: Timestamp,
  actor: Type.String({ description: '`account:` or `key:` with the id, `operator`, `system`, or `anyone`.' }),
  action: Type.String(),
  target: Type.String({ description: 'What it was done to: its type, a colon, its id.' }),
  ip: Type.String(),
  requestId: Type.String(),
  detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
  hash: Base64Url(),
  previousHash: Base64Url(),
});
export type AuditEntry = Static<typeof AuditEntry>;

export const AuditLogs = Type.Object({ data: Type.Array(AuditEntry), nextCursor: Nullable(Type.String()) });
export type AuditLogs = Static<typeof AuditLogs>;

export const AuditQuery = Strict({
  from: Type.Optional(Moment),
  to: Type.Optional(Moment),
  actor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'As in an entry, or only the id.' }),
  ),
  action: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  target: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'As in an entry, or only the id.' }),
  ),
  cursor: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,14}$' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});

export const AuditVerification = Type.Object({
  valid: Type.Boolean(),
  entries: Type.Integer({ description: 'How many entries were found to be as they were written.' }),
  headHash: Base64Url(),
  broken: Nullable(Type.Object({ id: Nullable(Uuid), position: Type.Integer(), reason: Type.String() })),
});
export type AuditVerification = Static<typeof AuditVerification>;

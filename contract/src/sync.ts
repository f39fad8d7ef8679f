/** `/sync`: one person's vault. */

import Type, { type Static } from 'typebox';
import { Base64Url, Nullable, Strict, Timestamp, Uuid } from './common.ts';
import { hybridTimePattern } from './hybrid-time.ts';
import { Device, Epoch, KeyShare, LogEntry, Wrapped } from './identity.ts';
import { syncLimits } from './limits.ts';

export const Kind = Type.Union([Type.Literal('entry'), Type.Literal('memory'), Type.Literal('tag')]);
export type Kind = Static<typeof Kind>;

export const ItemId = Type.String({ pattern: '^[A-Za-z0-9_-]{16,64}$' });

export const Clock = Type.Record(
  Type.String(),
  Type.Integer({ minimum: 0, maximum: syncLimits.counterMax }),
  {
    description: 'Device id → counter. A missing entry counts as 0.',
  },
);

export const MemoryMeta = Strict({
  sources: Type.Optional(Type.Array(ItemId, { maxItems: syncLimits.sourcesMax })),
  accessCounts: Type.Optional(Clock),
});
export const TagMeta = Strict({
  entryId: Type.Optional(ItemId),
  confidence: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  sourceType: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('ai'), Type.Literal('import')])),
});
export const Meta = Type.Union([MemoryMeta, TagMeta]);
export type MemoryMeta = Static<typeof MemoryMeta>;
export type TagMeta = Static<typeof TagMeta>;
export type Meta = MemoryMeta | TagMeta;

const change = {
  id: ItemId,
  kind: Kind,
  op: Type.Union([Type.Literal('put'), Type.Literal('delete')]),
  clock: Clock,
  time: Type.String({ pattern: hybridTimePattern }),
  epoch: Epoch,
  payload: Type.Optional(Base64Url({ maxLength: syncLimits.payloadLengthMax })),
  meta: Type.Optional(Meta),
};

/** One version of one item, as a device sends it. */
export const Change = Strict(change);
export type Change = Static<typeof Change>;

/** One of several concurrent versions of an item. */
export const Version = Type.Object({
  clock: Clock,
  time: change.time,
  deviceId: Uuid,
  epoch: Epoch,
  payload: change.payload,
  meta: change.meta,
  deleted: Type.Boolean(),
});
export type Version = Static<typeof Version>;

/** An item as the vault answers it: the version that leads, and those that stand beside it. */
export const ChangeOut = Type.Object({
  ...change,
  seq: Type.Integer(),
  deviceId: Uuid,
  deleted: Type.Boolean(),
  siblings: Type.Optional(Type.Array(Version)),
});
export type ChangeOut = Static<typeof ChangeOut>;

export const PushRequest = Strict({
  changes: Type.Array(Type.Unknown(), {
    maxItems: syncLimits.changesPerPushMax,
    description: 'Each a `Change`. A malformed one is rejected alone.',
  }),
  atomic: Type.Optional(Type.Boolean()),
});

export const PushResult = Type.Object({
  id: Type.String(),
  status: Type.Union([
    Type.Literal('applied'),
    Type.Literal('merged'),
    Type.Literal('duplicate'),
    Type.Literal('stale'),
    Type.Literal('conflict'),
    Type.Literal('rejected'),
  ]),
  seq: Type.Optional(Type.Integer()),
  code: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
  current: Type.Optional(ChangeOut),
  conflictId: Type.Optional(Uuid),
});
export type PushResult = Static<typeof PushResult>;

export const Warning = Type.Object({ code: Type.String(), detail: Type.String() });
export type Warning = Static<typeof Warning>;

export const PushResponse = Type.Object({
  results: Type.Array(PushResult),
  cursor: Type.String(),
  serverTime: Timestamp,
  counter: Type.Integer({ description: 'The highest counter that the vault knows of the calling device.' }),
  warnings: Type.Array(Warning),
});
export type PushResponse = Static<typeof PushResponse>;

export const PullQuery = Strict({
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: syncLimits.pullLimitMax })),
  kinds: Type.Optional(Type.String({ pattern: '^(entry|memory|tag)(,(entry|memory|tag))*$' })),
});
export type PullQuery = Static<typeof PullQuery>;

export const PullRequest = Strict({
  ...PullQuery.properties,
  acknowledged: Type.Optional(Type.String({ maxLength: 200 })),
});
export type PullRequest = Static<typeof PullRequest>;

export const PullResponse = Type.Object({
  changes: Type.Array(ChangeOut),
  cursor: Type.String(),
  hasMore: Type.Boolean(),
  conflictsOpen: Type.Integer(),
});
export type PullResponse = Static<typeof PullResponse>;

/** The key shares of the calling device and the whole device log. `epoch` is 0 before the first was minted. */
export const Keys = Type.Object({
  epoch: Type.Integer({ minimum: 0 }),
  shares: Type.Array(KeyShare),
  log: Type.Array(LogEntry),
  devices: Type.Array(Type.Pick(Device, ['id', 'encryptionKey', 'signingKey']), {
    description:
      'The public keys behind the log, also of revoked devices: without them old entries could not be checked.',
  }),
});
export type Keys = Static<typeof Keys>;

export const MintRequest = Strict({
  epoch: Epoch,
  shares: Type.Array(Strict({ deviceId: Uuid, wrapped: Wrapped }), { minItems: 1, maxItems: 1000 }),
  recovery: Type.Optional(Nullable(Wrapped)),
  log: Type.Array(LogEntry, { maxItems: 1000 }),
});
export type MintRequest = Static<typeof MintRequest>;

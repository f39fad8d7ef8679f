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
  payload: Type.Optional(
    Base64Url({
      maxLength: syncLimits.payloadLengthMax,
      description:
        'What was sealed, as base64url without padding. A put has one. That of a deletion shows other devices that a device of ' +
        `the account made it, in at most ${syncLimits.deletionPayloadLengthMax} characters; they do not believe one without.`,
    }),
  ),
  meta: Type.Optional(Meta),
};

/** One version of one item, as a device sends it. */
export const Change = Strict({
  ...change,
  deviceId: Type.Optional(
    Type.String({
      ...Uuid,
      description:
        'The device that wrote it; the calling one unless given. Another one only for what a restored vault has lost and is sent again.',
    }),
  ),
});
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
  conflictId: Type.Optional(
    Type.String({
      ...Uuid,
      description: 'The open conflict between the versions, where somebody has to decide.',
    }),
  ),
});
export type ChangeOut = Static<typeof ChangeOut>;

const SentCounter = Type.Integer({
  minimum: 0,
  maximum: syncLimits.counterMax,
  description:
    'The highest counter of its own that this device had handed to the network before, as its store remembers. When the ' +
    'vault knows a higher one, the store is a copy or an old state of another: 409 `sync.device_cloned` with `counter` ' +
    'and `cameWith`, and nothing is written.',
});

export const PushRequest = Strict({
  changes: Type.Array(Type.Unknown(), {
    maxItems: syncLimits.changesPerPushMax,
    description: 'Each a `Change`. A malformed one is rejected alone.',
  }),
  atomic: Type.Optional(Type.Boolean()),
  sentCounter: Type.Optional(SentCounter),
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
  cameWith: Type.Optional(
    Type.Integer({
      description:
        "In a vault that was restored: the `sentCounter` of this device's first push since. A store that had sent more by then is " +
        'not the one whose changes the vault has taken.',
    }),
  ),
  warnings: Type.Array(Warning),
  bytesLeft: Type.Integer({
    description: 'How much the vault can still grow. What makes it smaller is always taken.',
  }),
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
  serverTime: Timestamp,
});
export type PullResponse = Static<typeof PullResponse>;

/** Why a 410 `sync.resync_required` asks for a pull from the beginning; its member `reason`. */
export const ResyncReason = Type.Union([
  Type.Literal('restored'),
  Type.Literal('collected'),
  Type.Literal('ahead'),
  Type.Literal('other_vault'),
]);
export type ResyncReason = Static<typeof ResyncReason>;

/** The members of a 410 `sync.resync_required` beside those of every problem. */
export const ResyncRequired = Type.Object({
  reason: ResyncReason,
  knownUpToSeq: Type.Integer({
    description:
      'What the device stored from the feed up to this sequence number, and the pull no longer shows, was deleted. What ' +
      'it holds beyond that, the vault has lost.',
  }),
});
export type ResyncRequired = Static<typeof ResyncRequired>;

/** Several versions of one entry that were made without knowing of each other. */
export const Conflict = Type.Object({
  id: Uuid,
  itemId: ItemId,
  kind: Kind,
  versions: Type.Array(Version, { description: 'The versions that are held now, the leading one first.' }),
  detectedAt: Timestamp,
  state: Type.Union([Type.Literal('open'), Type.Literal('resolved')]),
});
export type Conflict = Static<typeof Conflict>;

export const ConflictsQuery = Strict({
  state: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('resolved')])),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
  cursor: Type.Optional(Uuid),
});
export type ConflictsQuery = Static<typeof ConflictsQuery>;

export const ConflictList = Type.Object({
  data: Type.Array(Conflict),
  nextCursor: Nullable(Type.String()),
});
export type ConflictList = Static<typeof ConflictList>;

export const ResolveRequest = Strict({
  change: Type.Unknown({ description: 'A `Change` whose clock has seen every version.' }),
  sentCounter: Type.Optional(SentCounter),
});

export const SyncPolicy = Strict({
  entries: Type.Union([Type.Literal('manual'), Type.Literal('last-writer-wins')], {
    description:
      'Whether concurrent versions of an entry are a conflict for a person to decide. All of them are kept in either case.',
  }),
});
export type SyncPolicy = Static<typeof SyncPolicy>;

export const SyncStatus = Type.Object({
  items: Type.Integer({ description: 'Items of which something is there.' }),
  bytes: Type.Integer({ description: 'What all held versions come to as they travel, rounded up.' }),
  quotaItems: Type.Integer(),
  quotaBytes: Type.Integer(),
  generation: Type.String(),
  floor: Type.Integer({ description: 'Deletions up to this sequence number may be forgotten.' }),
  cursor: Type.String({ description: 'Where the feed ends now.' }),
  conflictsOpen: Type.Integer(),
  policy: SyncPolicy,
  devices: Type.Array(
    Type.Object({
      id: Uuid,
      acknowledgedSeq: Type.Integer({ description: 'Up to here the device has stored everything.' }),
    }),
  ),
});
export type SyncStatus = Static<typeof SyncStatus>;

/**
 * The key shares of the calling device and the whole device log. `epoch` is 0 before the first was minted. The next epoch
 * goes to the devices and the recovery key that the log admits and that are not revoked here.
 */
export const Keys = Type.Object({
  epoch: Type.Integer({ minimum: 0 }),
  shares: Type.Array(KeyShare),
  recoveryShares: Type.Optional(
    Type.Array(KeyShare, {
      description: 'The shares of the recovery key, in a session that it opened.',
    }),
  ),
  log: Type.Array(LogEntry),
  devices: Type.Array(
    Type.Object({
      ...Type.Pick(Device, ['id', 'encryptionKey', 'signingKey']).properties,
      kind: Type.Union([Type.Literal('device'), Type.Literal('recovery')]),
      revoked: Type.Boolean({
        description:
          'Taken out of use. While the log still admits it, another device is to write its entry and mint the next epoch.',
      }),
    }),
    {
      description:
        'The public keys behind the log, also of revoked devices: without them old entries could not be checked.',
    },
  ),
});
export type Keys = Static<typeof Keys>;

export const MintRequest = Strict({
  epoch: Epoch,
  shares: Type.Array(Strict({ deviceId: Uuid, wrapped: Wrapped }), { minItems: 1, maxItems: 1000 }),
  recovery: Type.Optional(Nullable(Wrapped)),
  log: Type.Array(LogEntry, { maxItems: 1000 }),
});
export type MintRequest = Static<typeof MintRequest>;

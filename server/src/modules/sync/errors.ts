import { failure } from '../../platform/errors/index.ts';

export const invalidCursor = failure('sync.invalid_cursor', 400, 'The cursor is not one of ours.');
export const resyncRequired = failure('sync.resync_required', 410, 'The cursor is of another history.');
export const invalidTicket = failure('live.invalid_ticket', 401, 'The ticket is none, or is good no more.');
export const atomicFailed = failure(
  'sync.atomic_failed',
  409,
  'Not every change could be applied, so none was.',
);
export const deviceCloned = failure(
  'sync.device_cloned',
  409,
  'The store of this device is a copy of another one, or an old state of itself.',
);
export const conflictNotFound = failure('sync.conflict_not_found', 404, 'There is no such conflict.');
export const tooManyCalls = failure(
  'sync.too_many_calls',
  429,
  'The devices of this account ask for more at once than one account may.',
);
export const keyReused = failure(
  'idempotency.key_reused',
  422,
  'The Idempotency-Key belongs to another request.',
);
/** Why a change of a push was rejected. These travel in its result, not as failures. */
export const rejections = {
  invalidChange: 'sync.invalid_change',
  payloadTooLarge: 'sync.payload_too_large',
  clockReused: 'sync.clock_reused',
  clockForged: 'sync.clock_forged',
  /** More devices wrote the item than a clock can name. */
  clockFull: 'sync.clock_full',
  tooManyVersions: 'sync.too_many_versions',
  /** Sealed with a key that has been replaced, and the grace for it is over. */
  epochRetired: 'sync.epoch_retired',
  /** The vault may have forgotten a deletion that has seen the change. */
  clockForgotten: 'sync.clock_forgotten',
  quotaExceeded: 'sync.quota_exceeded',
  /** A resolution that has not seen every version. */
  versionsUnseen: 'sync.versions_unseen',
  /** A resolution of another item than the conflict's. */
  otherItem: 'sync.other_item',
  rolledBack: 'sync.rolled_back',
} as const;

export type Rejection = (typeof rejections)[keyof typeof rejections];

/** Hints in the answer to a push that was accepted. */
export const warnings = { clockAhead: 'sync.clock_ahead' } as const;

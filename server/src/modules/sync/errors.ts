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
  tooManyVersions: 'sync.too_many_versions',
  rolledBack: 'sync.rolled_back',
} as const;

export type Rejection = (typeof rejections)[keyof typeof rejections];

/** Hints in the answer to a push that was accepted. */
export const warnings = { clockAhead: 'sync.clock_ahead' } as const;

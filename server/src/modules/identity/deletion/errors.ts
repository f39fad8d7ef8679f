import { failure } from '../../../platform/errors/index.ts';

export const proofRequired = failure(
  'auth.proof_required',
  403,
  'Deleting the account needs its password, or a signature of this device over a fresh challenge.',
);
export const challengeInvalid = failure(
  'auth.challenge_invalid',
  403,
  'The challenge is not valid: it was used, has expired, or is of another account.',
);
export const lastOwner = failure(
  'auth.last_owner',
  409,
  'The account is the last owner of a workspace that others belong to.',
);

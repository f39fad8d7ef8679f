import { failure } from '../../platform/errors/index.ts';

export const invalidToken = failure('auth.invalid_token', 401, 'The access token is not valid.');
export const sessionEnded = failure('auth.session_ended', 401, 'The session has ended; sign in again.');
export const sessionNotFound = failure('session.not_found', 404, 'There is no such session.');
export const refreshInvalid = failure('auth.refresh_invalid', 401, 'The refresh token is not known.');
export const refreshExpired = failure('auth.refresh_expired', 401, 'The refresh token has expired.');
export const refreshReused = failure(
  'auth.refresh_reused',
  401,
  'The refresh token was used before; the session has been ended.',
);
export const badSignature = failure(
  'auth.bad_signature',
  401,
  "The signature does not match the device's signing key.",
);

/** One answer for everything that may be wrong with a proof, so that it tells nothing about the device. */
export const proofInvalid = failure(
  'auth.proof_invalid',
  401,
  'The proof is not, or no longer, one by which a device may sign in.',
);
export const deviceNotEnough = failure(
  'auth.device_not_enough',
  403,
  'A device of this account signs in together with the password or the provider of the account.',
);
export const deviceTwice = failure(
  'auth.device_twice',
  400,
  'Send either a new device or the proof of a known one.',
);

export const invalidKey = failure('device.invalid_key', 400, 'A public key is not acceptable.');
export const invalidApiKey = failure('auth.invalid_key', 401, 'The API key is not valid.');
export const keyRevoked = failure('auth.key_revoked', 401, 'The API key behind this token has ended.');
export const keySecretRequired = failure(
  'auth.key_secret_required',
  403,
  'A token cannot make a token; send the API key itself.',
);
export const keyNotFound = failure('api_key.not_found', 404, 'There is no such API key.');
export const keyExpiryPast = failure(
  'api_key.expiry_past',
  400,
  'The expiry of the API key has passed already.',
);
export const scopeNotHeld = failure(
  'api_key.scope_not_held',
  403,
  'The API key does not have a scope that was asked for.',
);

export const deviceNotFound = failure('device.not_found', 404, 'There is no such device.');
export const lastDevice = failure('device.last', 409, 'This is the only device of the account.');

export const pairingNotFound = failure('pairing.not_found', 404, 'There is no such pairing.');
export const pairingWaiting = failure('pairing.waiting', 409, 'The pairing has not been approved yet.');
export const pairingExpired = failure('pairing.expired', 409, 'The pairing has expired; start a new one.');
export const pairingApproved = failure(
  'pairing.already_approved',
  409,
  'The pairing has been approved already.',
);
export const pairingClaimed = failure(
  'pairing.already_claimed',
  409,
  'The pairing has been claimed already.',
);

export const epochConflict = failure('keys.epoch_conflict', 409, 'Another epoch has been minted meanwhile.');
export const incompleteShares = failure(
  'keys.incomplete_shares',
  400,
  'The key shares do not cover what they have to.',
);
export const invalidLogEntry = failure(
  'keys.invalid_log_entry',
  400,
  'An entry of the device log is not acceptable.',
);
export const logMoved = failure('keys.log_moved', 409, 'The device log has grown meanwhile.');
export const logMissing = failure('keys.log_missing', 409, 'The account has no device log yet.');

import { failure } from '../../platform/errors/index.ts';

export const signatureMissing = failure('signature.missing', 401, 'This API key signs its requests.');
export const signatureInvalid = failure('signature.invalid', 401, 'The signature does not hold.');
export const signatureExpired = failure(
  'signature.expired',
  401,
  'The signature is too old, or from the future.',
);
export const signatureReplayed = failure('signature.replayed', 401, 'The signature was used before.');
export const digestMismatch = failure(
  'signature.digest_mismatch',
  400,
  'The body is not the one that Content-Digest describes.',
);

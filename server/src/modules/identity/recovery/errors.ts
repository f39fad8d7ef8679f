import { failure } from '../../../platform/errors/index.ts';

export const recoveryNotFound = failure('recovery.not_found', 404, 'The account has no recovery key.');
export const recoveryExists = failure(
  'recovery.exists',
  409,
  'The account has a recovery key already; say by `replaces` that it goes.',
);
export const recoveryAbsent = failure('recovery.absent', 409, 'There is no recovery key to replace.');
export const recoveryKeyUsed = failure(
  'recovery.key_used',
  409,
  'These keys were a recovery key before; make new ones.',
);

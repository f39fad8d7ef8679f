import { type Failure, failure } from '../errors/index.ts';

/** What a person may hear of a vault that cannot serve them. Names and paths stay in the log. */
export const vaultMissing = failure('vault.missing', 503, 'The vault is not where it should be.');
export const vaultDamaged = failure('vault.damaged', 503, 'The vault is damaged.');
export const vaultNewer = failure('vault.newer', 503, 'The vault was written by a newer Alcove.');
export const vaultUnavailable = failure('vault.unavailable', 503, 'The vault cannot be reached right now.');
export const vaultDiskFull = failure('vault.disk_full', 507, 'The disk that holds the vaults is full.');
export const vaultTooMuchAtOnce = failure(
  'vault.too_much_at_once',
  413,
  'The request concerns more of the vault than fits into one.',
);
export const vaultMoving = failure('vault.moving', 503, 'The vault is being moved.');

/** What an operator may hear who copies vaults or puts them back. */
export const backupFailed = failure(
  'vault.backup_failed',
  503,
  'The copy of the vault could not be written.',
);
export const backupUnusable = failure('vault.backup_unusable', 422, 'The file is no usable copy of a vault.');

export const vaultOnItsWay = (): Failure =>
  vaultMoving({ detail: 'Try again soon.', headers: { 'Retry-After': '2' } });

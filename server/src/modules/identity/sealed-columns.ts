import type { SealedColumn } from '../../platform/database/index.ts';

/** Where this module keeps ciphertexts. A master key is replaced everywhere or not at all, so none may be missing. */
export const identitySealedColumns: readonly SealedColumn[] = [
  { table: 'signing_key', key: 'id', column: 'private_key_sealed' },
  { table: 'api_key', key: 'id', column: 'signing_secret' },
  { table: 'provider_key', key: 'id', column: 'key_sealed' },
];

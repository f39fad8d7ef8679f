import { failure } from '../../../platform/errors/index.ts';

export const vaultUnknown = failure('vault.unknown', 404, 'There is no such vault.');
export const accountUnknown = failure('vault.account_unknown', 404, 'There is no such account.');
export const pathNotAbsolute = failure('vault.path_not_absolute', 400, 'The path has to be absolute.');
export const oneVaultOnly = failure('vault.one_only', 400, 'Name either a vault or an account.');

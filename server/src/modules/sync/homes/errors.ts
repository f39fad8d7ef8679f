import { failure } from '../../../platform/errors/index.ts';

export const moveImpossible = failure('vault.move_impossible', 409, 'The vault cannot be moved now.');
export const noOtherHome = failure(
  'vault.no_other_home',
  409,
  'This service knows no other home for vaults.',
);

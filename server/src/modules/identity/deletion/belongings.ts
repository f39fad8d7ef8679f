import type { TxCtx } from '../../../context.ts';

/**
 * What an account has outside of the control database, seen from here: other modules keep it, and say how it goes. Its
 * names must not tell whose it is.
 */
export interface Belongings {
  /** `vault` */
  readonly kind: string;
  /** How long it may wait, so that what several accounts leave behind goes together. */
  readonly waitMs?: number;
  /** The names of what belongs to the account; afterwards nothing there knows that it did. */
  surrender(tx: TxCtx, accountId: string): Promise<readonly string[]>;
  /** Removes one of them. Doing it twice is the same as doing it once. */
  remove(name: string): Promise<void>;
}

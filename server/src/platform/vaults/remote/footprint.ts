/** What an operation can read of a vault: the part that is brought here when the vault lives on another machine. */
import type { SQLInputValue } from 'node:sqlite';
import type { VaultDatabase } from '../database.ts';

export interface Footprint {
  /** Whether the operation may write. It then holds the vault's write lock from its first read on. */
  readonly writes: boolean;
  readonly reads: readonly Read[];
  /**
   * A replica may answer, which has all that this node wrote and may lag behind other nodes for a moment. What it finds that
   * it has to write after all, it is asked anew where it can.
   */
  readonly mayLag?: boolean;
}

/** Rows of one table. The tables of a footprint are all different. */
export interface Read {
  readonly table: string;
  /** An SQL condition; it must mean the same whatever else is read. */
  readonly where: string;
  readonly args: readonly SQLInputValue[];
  /** The rows are a few megabytes at most, so they can come at once. Others come in pages, which takes the database longer. */
  readonly isBounded?: boolean;
}

/** What each operation of a program can read, by its input. */
export type Footprints<O extends Record<string, (vault: VaultDatabase, input: never) => unknown>> = {
  readonly [K in keyof O]: (input: Parameters<O[K]>[1]) => Footprint;
};

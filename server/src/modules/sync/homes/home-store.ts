/** The statements behind where vaults lie. */
import type { TxCtx } from '../../../context.ts';
import type { VaultHome } from '../../../platform/vaults/index.ts';

type Tables = {
  vault: {
    name: string;
    state: 'new' | 'ready';
    home: VaultHome;
    moving_to: VaultHome | null;
    move_attempt: string | null;
    move_begun_at: Date | null;
  };
};

export interface Place {
  readonly home: VaultHome;
  readonly movingTo: VaultHome | null;
}

const vaults = (ctx: TxCtx) => ctx.tx.withTables<Tables>();

export function findPlace(ctx: TxCtx, name: string): Promise<Place | undefined> {
  return vaults(ctx)
    .selectFrom('vault')
    .select(['home', 'moving_to as movingTo'])
    .where('name', '=', name)
    .executeTakeFirst();
}

/** As `findPlace`, and nobody else changes it until the transaction ends. */
export function lockPlace(ctx: TxCtx, name: string): Promise<Place | undefined> {
  return vaults(ctx)
    .selectFrom('vault')
    .select(['home', 'moving_to as movingTo'])
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst();
}

export async function beginMove(
  ctx: TxCtx,
  name: string,
  move: { readonly to: VaultHome; readonly attempt: string; readonly at: Date },
): Promise<void> {
  await vaults(ctx)
    .updateTable('vault')
    .set({ moving_to: move.to, move_attempt: move.attempt, move_begun_at: move.at })
    .where('name', '=', name)
    .execute();
}

/** Whether this attempt still is the one that counts. */
export async function isMovedBy(ctx: TxCtx, name: string, attempt: string): Promise<boolean> {
  const row = await vaults(ctx)
    .selectFrom('vault')
    .select('name')
    .where('name', '=', name)
    .where('move_attempt', '=', attempt)
    .executeTakeFirst();
  return row !== undefined;
}

/** Ends this attempt with the vault at `home`. Answers whether it still was the one that counts. */
export async function endMove(
  ctx: TxCtx,
  name: string,
  move: { readonly attempt: string; readonly home: VaultHome },
): Promise<boolean> {
  const { numUpdatedRows } = await vaults(ctx)
    .updateTable('vault')
    .set({ home: move.home, moving_to: null, move_attempt: null, move_begun_at: null })
    .where('name', '=', name)
    .where('move_attempt', '=', move.attempt)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function listStuckMoves(
  ctx: TxCtx,
  begunBefore: Date,
): Promise<{ name: string; to: VaultHome }[]> {
  const rows = await vaults(ctx)
    .selectFrom('vault')
    .select(['name', 'moving_to as to'])
    .where('move_begun_at', '<', begunBefore)
    .orderBy('move_begun_at')
    .limit(100)
    .execute();
  return rows.flatMap(({ name, to }) => (to === null ? [] : [{ name, to }]));
}

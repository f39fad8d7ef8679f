/**
 * Brings vaults from one home to the other. Of the two copies the control database names one as the vault: the old one until
 * the new one is proven to be the same, in every row. What is cut off is done again from the beginning.
 */
import { asSystem, type Ctx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { VaultDigest, VaultHome, VaultPool } from '../../../platform/vaults/index.ts';
import type { Belongings, Removals } from '../../identity/index.ts';
import { vaultKind } from '../belongings.ts';
import { vaultUnknown } from '../upkeep/errors.ts';
import type { SyncOperations } from '../vault/program.ts';
import { moveImpossible, noOtherHome } from './errors.ts';
import { beginMove, endMove, isMovedBy, listStuckMoves, lockPlace } from './home-store.ts';
import type { Homes } from './homes.ts';

export interface Moves {
  /** Moves one vault. Answers what was proven to be the same; undefined when the vault was there already. */
  move(ctx: Ctx, name: string, to: VaultHome): Promise<VaultDigest | undefined>;
  /** Does again what stopped half-way: whoever did it is gone. */
  resume(ctx: Ctx): Promise<void>;
}

export interface MoveParts {
  readonly vaults: VaultPool<SyncOperations>;
  /** Whether there is another home than the files of this machine. */
  readonly hasRemote: boolean;
  readonly homes: Homes;
  readonly removals: Pick<Removals, 'add' | 'isPending'>;
  readonly clock: Clock;
  readonly ids: Ids;
}

interface Begun {
  readonly from: VaultHome;
  readonly attempt: string;
}

/** A move of the largest vaults takes less. */
const givenUpAfterMs = 15 * 60_000;

const other = (home: VaultHome): VaultHome => (home === 'local' ? 'remote' : 'local');
const copyKind = (home: VaultHome): string => `vault-copy-${home}`;

export function createMoves(parts: MoveParts): Moves {
  const { vaults, homes, removals, clock, ids } = parts;

  /** From its commit on the vault answers nobody. Whoever else was at it finds that its attempt counts no more. */
  function begin(ctx: Ctx, name: string, to: VaultHome): Promise<Begun | 'not yet' | undefined> {
    return asSystem(ctx, async (tx) => {
      const place = await lockPlace(tx, name);
      if (place === undefined) throw vaultUnknown();
      if (!parts.hasRemote) throw noOtherHome('Set VAULT_URL or TURSO_API_TOKEN first.');
      if (place.home === to) {
        if (place.movingTo !== null) throw moveImpossible('It is on its way to the other home.');
        return undefined;
      }
      const leftThere = { kind: copyKind(to), name };
      if (await removals.isPending(tx, leftThere)) {
        // It may have failed before, and wait for hours.
        await removals.add(tx, leftThere);
        return 'not yet';
      }
      const attempt = ids.uuid();
      await beginMove(tx, name, { to, attempt, at: new Date(clock.now()) });
      await homes.forget(tx, name);
      return { from: other(to), attempt };
    });
  }

  /** The one moment in which the copy becomes the vault. */
  async function end(ctx: Ctx, name: string, begun: Begun, to: VaultHome): Promise<void> {
    await asSystem(ctx, async (tx) => {
      if (!(await endMove(tx, name, { attempt: begun.attempt, home: to }))) throw overtaken();
      await removals.add(tx, { kind: copyKind(begun.from), name });
      await homes.forget(tx, name);
    });
  }

  /**
   * Where it cannot be known whether `end` was committed, the control database says it; the copy answers then. Answers whether
   * the vault was still ours to move.
   */
  async function stay(ctx: Ctx, name: string, { from, attempt }: Begun): Promise<boolean> {
    if (!(await asSystem(ctx, (tx) => isMovedBy(tx, name, attempt)))) {
      await removeOfNobody(ctx, name);
      return false;
    }
    await vaults.stay(name, from);
    await asSystem(ctx, async (tx) => {
      // Half a copy is of no use to anybody, and yet holds what somebody wrote.
      if (await endMove(tx, name, { attempt, home: from }))
        await removals.add(tx, { kind: copyKind(other(from)), name });
      await homes.forget(tx, name);
    });
    return true;
  }

  /** The account may have been deleted, and its vault removed, before the copy was begun. */
  function removeOfNobody(ctx: Ctx, name: string): Promise<void> {
    return asSystem(ctx, async (tx) => {
      if ((await lockPlace(tx, name)) === undefined) await removals.add(tx, { kind: vaultKind, name });
    });
  }

  async function move(ctx: Ctx, name: string, to: VaultHome): Promise<VaultDigest | undefined> {
    const begun = await begin(ctx, name, to);
    if (begun === undefined) return undefined;
    if (begun === 'not yet')
      throw moveImpossible('What it left there before is still being removed. Try again in a minute.');
    try {
      const digest = await vaults.move(name, begun.from, to);
      await end(ctx, name, begun, to);
      return digest;
    } catch (error) {
      const wasOurs = await stay(ctx, name, begun).catch((err: unknown) => {
        ctx.log.error(
          { err, vault: name },
          'a vault that could not be moved answers nobody until it is moved',
        );
        return true;
      });
      // Whatever went wrong, went wrong because the vault was taken away meanwhile.
      throw wasOurs ? error : overtaken();
    }
  }

  return {
    move,
    async resume(ctx) {
      const before = new Date(clock.now() - givenUpAfterMs);
      for (const { name, to } of await asSystem(ctx, (tx) => listStuckMoves(tx, before))) {
        await move(ctx, name, to).catch((err: unknown) =>
          ctx.log.error({ err, vault: name }, 'a move that was cut off could not be ended'),
        );
      }
    },
  };
}

const overtaken = () => moveImpossible('Meanwhile it was moved by somebody else, or deleted.');

/** What a moved vault leaves at its former home. */
export function vaultCopies(vaults: VaultPool<SyncOperations>): Belongings[] {
  return (['local', 'remote'] as const).map((home) => ({
    kind: copyKind(home),
    surrender: async () => [],
    remove: (name) => vaults.removeCopy(name, home),
  }));
}

import type { Device, DeviceList } from '@alcove/contract/identity';
import { type AccountActor, type Ctx, inTransaction, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import * as errors from './errors.ts';
import { renderDevice } from './render.ts';
import type { Sessions } from './sessions.ts';
import * as store from './store.ts';
import type { Trail } from './trail.ts';

export interface Devices {
  list(ctx: Ctx<AccountActor>, page: { cursor?: string; limit?: number }): Promise<DeviceList>;
  rename(ctx: Ctx<AccountActor>, id: string, name: string): Promise<Device>;
  /** The ids of the account's devices in use that made a request since then, or were made since. */
  listHeardSince(ctx: TxCtx, accountId: string, since: Date): Promise<readonly string[]>;
  /** Takes the device out of use: its sessions and key shares are gone with the commit. */
  revoke(ctx: Ctx<AccountActor>, id: string): Promise<void>;
}

const pageDefault = 50;

export function createDevices({
  clock,
  sessions,
  trail,
}: {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly trail: Trail;
}): Devices {
  return {
    list: (ctx, { cursor, limit = pageDefault }) =>
      inTransaction(ctx, async (tx) => {
        // One row more than asked for tells whether there is another page.
        const rows = await store.listDevices(tx, tx.actor.accountId, { after: cursor, limit: limit + 1 });
        const page = rows.slice(0, limit);
        const data = page.map((row) => renderDevice(row, tx.actor.deviceId));
        return { data, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
      }),

    listHeardSince: store.listDevicesHeardSince,

    rename: (ctx, id, name) =>
      inTransaction(ctx, async (tx) => {
        await store.lockAccount(tx, tx.actor.accountId);
        await sessions.requireOwnLive(tx);
        const row = await store.renameDevice(tx, tx.actor.accountId, id, name);
        if (row === undefined) throw errors.deviceNotFound();
        const target = { type: 'device', id };
        await trail.record(tx, tx.actor.accountId, { action: 'device.renamed', target });
        return renderDevice(row, tx.actor.deviceId);
      }),

    revoke: (ctx, id) =>
      inTransaction(ctx, async (tx) => {
        const { accountId } = tx.actor;
        await store.lockAccount(tx, accountId);
        await sessions.requireOwnLive(tx);
        await refuseLast(tx, id);
        if (!(await store.revokeMember(tx, accountId, { id, kind: 'device' }, new Date(clock.now()))))
          throw errors.deviceNotFound();
        await sessions.end(tx, accountId, { deviceId: id });
        const device = { type: 'device', id };
        await trail.record(tx, accountId, { action: 'device.revoked', target: device });
        await trail.announce(tx, accountId, { type: 'device.revoked', subject: device });
      }),
  };
}

/**
 * An anonymous account has nothing but its devices: without the last one nobody could ever reach it again. A device that was
 * approved and has not claimed its pairing may never do so, and does not count.
 */
async function refuseLast(ctx: TxCtx<AccountActor>, id: string): Promise<void> {
  const account = await store.findAccount(ctx, ctx.actor.accountId);
  if (account?.kind !== 'anonymous') return;
  const ids = await store.listClaimedDeviceIds(ctx, ctx.actor.accountId);
  if (ids.length === 1 && ids[0] === id) {
    throw errors.lastDevice(
      'Pair another device first. Without this one nobody could reach the account again.',
    );
  }
}

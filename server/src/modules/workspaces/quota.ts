/** How much fits into a workspace: its own limits where it has some, otherwise the service's. */
import type { Quota } from '@alcove/contract/workspaces';
import type { TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import * as store from './store.ts';

export interface WorkspaceLimits {
  readonly ownedMax: number;
  readonly membersMax: number;
  readonly invitationsMax: number;
  readonly storageBytesMax: number;
}

export async function readQuota(
  ctx: TxCtx,
  workspaceId: string,
  { clock, limits }: { readonly clock: Clock; readonly limits: WorkspaceLimits },
): Promise<Quota> {
  const own = await store.findQuota(ctx, workspaceId);
  return {
    limits: {
      members: own?.members_max ?? limits.membersMax,
      invitations: own?.invitations_max ?? limits.invitationsMax,
      storageBytes: own?.storage_bytes_max ?? limits.storageBytesMax,
    },
    used: {
      members: await store.countMembers(ctx, workspaceId),
      invitations: await store.countOpenInvitations(ctx, workspaceId, new Date(clock.now())),
      storageBytes: own?.storage_bytes_used ?? 0,
    },
  };
}

import type { TxCtx } from '../../../context.ts';
import type { Events } from '../../../platform/events/index.ts';
import type { RemoveAccount } from './expire.ts';
import { deleteAccount, deleteWorkspace, isSoleMember, listMemberships } from './guest-store.ts';

/** A guest's workspaces go with it, unless somebody else belongs to them. A guest has no vault: that takes a device. */
export function createRemoveGuest({ events }: { readonly events: Events<TxCtx> }): RemoveAccount {
  return async (tx, accountId) => {
    for (const { workspace_id: workspaceId } of await listMemberships(tx, accountId)) {
      if (!(await isSoleMember(tx, workspaceId, accountId))) continue;
      await events.forget(tx, workspaceId);
      await deleteWorkspace(tx, workspaceId);
      const subject = { type: 'workspace', id: workspaceId };
      await events.append(tx, { type: 'workspace.deleted', workspaceId, subject });
    }
    await deleteAccount(tx, accountId);
  };
}

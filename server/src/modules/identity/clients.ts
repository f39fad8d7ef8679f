/** The workspaces that a caller may act for. */
import type { Clients as ClientList } from '@alcove/contract/api-keys';
import { type Ctx, inTransaction, type MemberActor } from '../../context.ts';
import { findWorkspace } from './client-store.ts';
import * as store from './store.ts';

export interface Clients {
  list(ctx: Ctx<MemberActor>): Promise<ClientList>;
}

export function createClients(): Clients {
  return {
    list: (ctx) =>
      inTransaction(ctx, async (tx) => {
        const { actor } = tx;
        if (actor.kind === 'account') {
          return { data: await store.listWorkspaces(tx, actor.accountId), nextCursor: null };
        }
        const workspace = await findWorkspace(tx, actor.workspaceId);
        return {
          data: workspace === undefined ? [] : [{ ...workspace, role: actor.role }],
          nextCursor: null,
        };
      }),
  };
}

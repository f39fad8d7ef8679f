/** Workspaces, who belongs to them and as what. The module's only door. */
import { type AccountActor, asSystem, type Ctx, type KeyActor, type Role } from '../../context.ts';
import * as store from './store.ts';

export interface Workspaces {
  /** What an actor may do in a workspace; undefined when it is none of theirs. Asked anew for every request. */
  findRole(ctx: Ctx, actor: AccountActor | KeyActor, workspaceId: string): Promise<Role | undefined>;
}

/** A key does what an admin of its workspace could do, as far as its scopes reach. */
const roleOfKeys: Role = 'admin';

export function createWorkspaces(): Workspaces {
  return {
    async findRole(ctx, actor, workspaceId) {
      if (actor.kind === 'key') return actor.workspaceId === workspaceId ? roleOfKeys : undefined;
      return asSystem(ctx, (tx) => store.findRole(tx, workspaceId, actor.accountId));
    },
  };
}

/** Who may do what in a workspace. Routes ask for it at the door, and services again inside their transaction. */
import { isRoleAtLeast, type RouteScope } from '@alcove/contract/access';
import type { MemberActor, Role, TxCtx } from '../../context.ts';
import * as errors from './errors.ts';
import * as store from './store.ts';

const read = 'workspaces:read';
const write = 'workspaces:write';

/** Each action, with the least role that an account needs and the scope that a key needs. */
export const policy = {
  'workspace.read': { role: 'viewer', scope: read },
  'workspace.rename': { role: 'admin', scope: write },
  'workspace.delete': { role: 'owner', scope: write },
  'quota.read': { role: 'viewer', scope: read },
  'member.list': { role: 'viewer', scope: read },
  'member.leave': { role: 'viewer', scope: write },
  'member.remove': { role: 'admin', scope: write },
  'member.change_role': { role: 'admin', scope: write },
  'invitation.list': { role: 'admin', scope: read },
  'invitation.create': { role: 'admin', scope: write },
  'invitation.withdraw': { role: 'admin', scope: write },
} as const satisfies Readonly<Record<string, { readonly role: Role; readonly scope: RouteScope }>>;

export type Action = keyof typeof policy;

/**
 * What the caller is in the workspace, once everybody else who changes its members has finished: the role that the door
 * found may be gone by now.
 */
export async function lockAndFindRole(ctx: TxCtx<MemberActor>): Promise<Role> {
  const { actor } = ctx;
  if (!(await store.lockWorkspace(ctx, actor.workspaceId))) throw errors.workspaceNotFound();
  if (actor.kind === 'key') return actor.role;
  const role = await store.findRole(ctx, actor.workspaceId, actor.accountId);
  if (role === undefined) throw errors.workspaceNotFound();
  return role;
}

export function requireRole(role: Role, action: Action): void {
  const { role: least } = policy[action];
  if (!isRoleAtLeast(role, least))
    throw errors.forbidden(`This call needs the role ${least} or more; the caller is ${role}.`);
}

/** Nobody gives or takes away more than they have themselves. */
export function requireReach(own: Role, other: Role): void {
  if (!isRoleAtLeast(own, other)) throw errors.forbidden(`The role ${other} is above the caller's, ${own}.`);
}

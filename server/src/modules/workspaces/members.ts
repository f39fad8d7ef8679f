import type { Member, MemberList } from '@alcove/contract/workspaces';
import { type Ctx, inTransaction, type MemberActor, type Role, type TxCtx } from '../../context.ts';
import * as errors from './errors.ts';
import { type PageQuery, readPage } from './page.ts';
import type { WorkspaceParts } from './parts.ts';
import { lockAndFindRole, requireReach, requireRole } from './policy.ts';
import * as store from './store.ts';

export interface MemberService {
  list(ctx: Ctx<MemberActor>, page: PageQuery): Promise<MemberList>;
  changeRole(ctx: Ctx<MemberActor>, accountId: string, role: Role): Promise<Member>;
  /** Removes somebody else, or oneself: then it is leaving, which every member may. */
  remove(ctx: Ctx<MemberActor>, accountId: string): Promise<void>;
}

export function createMemberService({ audit, events }: WorkspaceParts): MemberService {
  return {
    list: (ctx, query) =>
      inTransaction(ctx, (tx) =>
        readPage(query, (page) => store.listMembers(tx, tx.actor.workspaceId, page), {
          render,
          idOf: ({ account_id }) => account_id,
        }),
      ),

    changeRole: (ctx, accountId, role) =>
      inTransaction(ctx, async (tx) => {
        const own = await lockAndFindRole(tx);
        requireRole(own, 'member.change_role');
        const member = await getMember(tx, accountId);
        requireReach(own, member.role);
        requireReach(own, role);
        if (member.role === role) return render(member);
        if (member.role === 'owner') await requireAnotherOwner(tx, member);
        const { workspaceId } = tx.actor;
        await store.setRole(tx, workspaceId, accountId, role);
        const subject = { type: 'account', id: accountId };
        const change = { role, previousRole: member.role };
        await audit.record(tx, { action: 'member.role_changed', target: subject, detail: change });
        await events.append(tx, { type: 'member.changed', workspaceId, subject, data: change });
        return render({ ...member, role });
      }),

    remove: (ctx, accountId) =>
      inTransaction(ctx, async (tx) => {
        const own = await lockAndFindRole(tx);
        const isSelf = tx.actor.kind === 'account' && tx.actor.accountId === accountId;
        requireRole(own, isSelf ? 'member.leave' : 'member.remove');
        const member = await getMember(tx, accountId);
        requireReach(own, member.role);
        if (member.role === 'owner') await requireAnotherOwner(tx, member);
        const { workspaceId } = tx.actor;
        const subject = { type: 'account', id: accountId };
        await audit.record(tx, { action: 'member.removed', target: subject, detail: { role: member.role } });
        await events.append(tx, { type: 'member.removed', workspaceId, subject });
        // Last: whoever leaves may write into the workspace's log only while being a member.
        await store.deleteMember(tx, workspaceId, accountId);
      }),
  };
}

async function getMember(ctx: TxCtx<MemberActor>, accountId: string): Promise<store.MemberRow> {
  const member = await store.findMember(ctx, ctx.actor.workspaceId, accountId);
  if (member === undefined) throw errors.memberNotFound();
  return member;
}

/** The workspace is locked, so of two owners who step down at once the second is counted after the first. */
async function requireAnotherOwner(ctx: TxCtx<MemberActor>, member: store.MemberRow): Promise<void> {
  if (member.personal) throw errors.personalWorkspace();
  if ((await store.countOwners(ctx, ctx.actor.workspaceId)) > 1) return;
  throw errors.lastOwner('Make somebody else an owner first, or delete the workspace.');
}

function render(row: store.MemberRow): Member {
  return {
    accountId: row.account_id,
    role: row.role,
    email: row.email,
    displayName: row.display_name,
    createdAt: row.created_at.toISOString(),
  };
}

import { Strict, Uuid } from '@alcove/contract/common';
import {
  AcceptInvitationRequest,
  ChangeMemberRequest,
  ChangeWorkspaceRequest,
  CreateWorkspaceRequest,
  InvitationCreated,
  InvitationList,
  InviteRequest,
  Member,
  MemberList,
  Quota,
  Workspace,
  WorkspaceList,
} from '@alcove/contract/workspaces';
import Type from 'typebox';
import { type Route, route } from '../../http/route.ts';
import type { Workspaces } from './index.ts';
import { policy } from './policy.ts';

const common = { tag: 'workspaces', caller: 'member' } as const;
const read = { method: 'GET', rate: 'read', idempotency: 'none' } as const;
const write = { rate: 'write', idempotency: 'transaction' } as const;
const root = '/api/v1/workspaces';
const one = `${root}/:workspaceId` as const;

const OfWorkspace = Strict({ workspaceId: Uuid });
const OfMember = Strict({ workspaceId: Uuid, accountId: Uuid });
const OfInvitation = Strict({ workspaceId: Uuid, invitationId: Uuid });
const Page = Strict({
  cursor: Type.Optional(Uuid),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});

export function workspaceRoutes(parts: Workspaces): Route[] {
  return [...ofWorkspaces(parts), ...ofMembers(parts), ...ofInvitations(parts)];
}

function ofWorkspaces({ workspaces }: Workspaces): Route[] {
  return [
    route(
      {
        ...common,
        ...read,
        path: root,
        access: policy['workspace.read'],
        summary: 'List my workspaces',
        description: 'A key sees its own.',
        query: Page,
        success: { status: 200, body: WorkspaceList, description: 'The workspaces, with my role in each.' },
      },
      (ctx, { query }) => workspaces.list(ctx, query),
    ),
    route(
      {
        ...write,
        tag: common.tag,
        method: 'POST',
        path: root,
        caller: 'account',
        summary: 'Make a workspace',
        description: 'Whoever makes it is its first owner.',
        body: CreateWorkspaceRequest,
        success: { status: 201, body: Workspace, description: 'The workspace.' },
      },
      (ctx, { body }) => workspaces.create(ctx, body.name),
    ),
    route(
      {
        ...common,
        ...read,
        path: one,
        access: policy['workspace.read'],
        summary: 'Look at a workspace',
        params: OfWorkspace,
        success: { status: 200, body: Workspace, description: 'The workspace, with my role in it.' },
      },
      (ctx) => workspaces.read(ctx),
    ),
    route(
      {
        ...common,
        ...write,
        method: 'PATCH',
        path: one,
        access: policy['workspace.rename'],
        summary: 'Rename a workspace',
        params: OfWorkspace,
        body: ChangeWorkspaceRequest,
        success: { status: 200, body: Workspace, description: 'The workspace with its new name.' },
      },
      (ctx, { body }) => workspaces.rename(ctx, body.name),
    ),
    route(
      {
        ...common,
        ...write,
        method: 'DELETE',
        path: one,
        access: policy['workspace.delete'],
        summary: 'Delete a workspace',
        description: 'With everything in it, at once. A personal workspace goes only with its account.',
        params: OfWorkspace,
        success: { status: 204, description: 'Deleted.' },
      },
      (ctx) => workspaces.remove(ctx),
    ),
    route(
      {
        ...common,
        ...read,
        path: `${one}/quota`,
        access: policy['quota.read'],
        summary: 'What fits into a workspace, and what is in it',
        params: OfWorkspace,
        success: { status: 200, body: Quota, description: 'Limits and use.' },
      },
      (ctx) => workspaces.quota(ctx),
    ),
  ];
}

function ofMembers({ members }: Workspaces): Route[] {
  return [
    route(
      {
        ...common,
        ...read,
        path: `${one}/members`,
        access: policy['member.list'],
        summary: 'List the members',
        params: OfWorkspace,
        query: Page,
        success: { status: 200, body: MemberList, description: 'The members and their roles.' },
      },
      (ctx, { query }) => members.list(ctx, query),
    ),
    route(
      {
        ...common,
        ...write,
        method: 'PATCH',
        path: `${one}/members/:accountId`,
        access: policy['member.change_role'],
        summary: "Change a member's role",
        description:
          'Nobody gives or takes a role above their own. It holds from the very next request of the member.',
        params: OfMember,
        body: ChangeMemberRequest,
        success: { status: 200, body: Member, description: 'The member with the new role.' },
      },
      (ctx, { params, body }) => members.changeRole(ctx, params.accountId, body.role),
    ),
    route(
      {
        ...common,
        ...write,
        method: 'DELETE',
        path: `${one}/members/:accountId`,
        access: policy['member.leave'],
        summary: 'Remove a member, or leave',
        description: 'Every member may leave, save the last owner; to remove others takes an admin.',
        params: OfMember,
        success: { status: 204, description: 'No longer a member.' },
      },
      (ctx, { params }) => members.remove(ctx, params.accountId),
    ),
  ];
}

function ofInvitations({ invitations }: Workspaces): Route[] {
  return [
    route(
      {
        ...common,
        ...read,
        path: `${one}/invitations`,
        access: policy['invitation.list'],
        summary: 'List the open invitations',
        params: OfWorkspace,
        query: Page,
        success: { status: 200, body: InvitationList, description: 'Those that can still be accepted.' },
      },
      (ctx, { query }) => invitations.list(ctx, query),
    ),
    route(
      {
        ...common,
        ...write,
        method: 'POST',
        path: `${one}/invitations`,
        access: policy['invitation.create'],
        summary: 'Invite somebody',
        description: 'Writes a letter to the address. Stands for seven days; one at a time for each address.',
        params: OfWorkspace,
        body: InviteRequest,
        success: {
          status: 201,
          body: InvitationCreated,
          description: 'The invitation, with its token once.',
        },
      },
      (ctx, { body }) => invitations.create(ctx, body),
    ),
    route(
      {
        ...common,
        ...write,
        method: 'DELETE',
        path: `${one}/invitations/:invitationId`,
        access: policy['invitation.withdraw'],
        summary: 'Withdraw an invitation',
        params: OfInvitation,
        success: { status: 204, description: 'Withdrawn.' },
      },
      (ctx, { params }) => invitations.withdraw(ctx, params.invitationId),
    ),
    route(
      {
        ...write,
        tag: common.tag,
        method: 'POST',
        path: `${root}/invitations/accept`,
        caller: 'account',
        summary: 'Accept an invitation',
        description:
          'Whoever is signed in and has the token becomes a member, with the role of the invitation.',
        body: AcceptInvitationRequest,
        success: { status: 200, body: Workspace, description: 'The workspace that I now belong to.' },
      },
      (ctx, { body }) => invitations.accept(ctx, body.token),
    ),
  ];
}

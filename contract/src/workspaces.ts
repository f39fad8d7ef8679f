/** `/workspaces`: tenants, who belongs to them and as what. */
import Type, { type Static } from 'typebox';
import { Role } from './access.ts';
import { Name, Nullable, Strict, Timestamp, Uuid } from './common.ts';

const page = { nextCursor: Nullable(Type.String()) };

export const Workspace = Type.Object({
  id: Uuid,
  name: Type.String(),
  role: Role,
  personal: Type.Boolean({
    description: "The caller's own personal workspace, which cannot be left or deleted.",
  }),
  createdAt: Timestamp,
});
export type Workspace = Static<typeof Workspace>;
export const WorkspaceList = Type.Object({ data: Type.Array(Workspace), ...page });
export type WorkspaceList = Static<typeof WorkspaceList>;
export const CreateWorkspaceRequest = Strict({ name: Name() });
export const ChangeWorkspaceRequest = Strict({ name: Name() });

export const Member = Type.Object({
  accountId: Uuid,
  role: Role,
  email: Nullable(Type.String()),
  displayName: Nullable(Type.String()),
  createdAt: Timestamp,
});
export type Member = Static<typeof Member>;
export const MemberList = Type.Object({ data: Type.Array(Member), ...page });
export type MemberList = Static<typeof MemberList>;
export const ChangeMemberRequest = Strict({ role: Role });

const invitation = { id: Uuid, email: Type.String(), role: Role, createdAt: Timestamp, expiresAt: Timestamp };
export const Invitation = Type.Object(invitation);
export type Invitation = Static<typeof Invitation>;
export const InvitationList = Type.Object({ data: Type.Array(Invitation), ...page });
export type InvitationList = Static<typeof InvitationList>;
export const InviteRequest = Strict({
  email: Type.String({ minLength: 3, maxLength: 254, pattern: '^[^\\s@]+@[^\\s@]+$' }),
  role: Role,
});
export type InviteRequest = Static<typeof InviteRequest>;
export const InvitationCreated = Type.Object({
  ...invitation,
  token: Type.String({
    description: 'Shown here only, and in the letter. Whoever has it can become a member.',
  }),
  url: Type.String({ description: 'Where the letter leads; the token stands behind #.' }),
});
export type InvitationCreated = Static<typeof InvitationCreated>;
export const AcceptInvitationRequest = Strict({ token: Type.String({ minLength: 1, maxLength: 100 }) });

const amounts = { members: Type.Integer(), invitations: Type.Integer(), storageBytes: Type.Integer() };
export const Quota = Type.Object({ limits: Type.Object(amounts), used: Type.Object(amounts) });
export type Quota = Static<typeof Quota>;

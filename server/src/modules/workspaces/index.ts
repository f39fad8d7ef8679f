/** Workspaces, who belongs to them and as what. The module's only door. */
import { createInvitationService, type InvitationService } from './invitations.ts';
import { createMemberService, type MemberService } from './members.ts';
import type { WorkspaceParts } from './parts.ts';
import { createWorkspaceService, type WorkspaceService } from './workspaces.ts';

export { workspaceJobs } from './jobs.ts';
export type { WorkspaceParts } from './parts.ts';
export { workspaceRoutes } from './routes.ts';

export interface Workspaces {
  readonly workspaces: WorkspaceService;
  readonly members: MemberService;
  readonly invitations: InvitationService;
}

export function createWorkspaces(parts: WorkspaceParts): Workspaces {
  return {
    workspaces: createWorkspaceService(parts),
    members: createMemberService(parts),
    invitations: createInvitationService(parts),
  };
}

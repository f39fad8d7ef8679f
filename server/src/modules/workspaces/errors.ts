import { failure } from '../../platform/errors/index.ts';

export const workspaceNotFound = failure('workspace.not_found', 404, 'There is no such workspace.');
export const forbidden = failure('auth.forbidden', 403, 'This caller may not do that.');
export const personalWorkspace = failure(
  'workspace.personal',
  409,
  'A personal workspace stays with its person for as long as the account stands.',
);
export const lastOwner = failure('workspace.last_owner', 409, 'A workspace cannot be without an owner.');
export const guestsMakeNone = failure(
  'workspace.guest_forbidden',
  403,
  'A guest makes no workspaces; convert it to an account first.',
);
export const tooManyWorkspaces = failure(
  'workspace.too_many',
  409,
  'The account owns as many workspaces as it may.',
);

export const memberNotFound = failure('member.not_found', 404, 'There is no such member.');
export const memberExists = failure('member.exists', 409, 'The account is a member already.');
export const tooManyMembers = failure(
  'member.too_many',
  409,
  'The workspace has as many members as it may have.',
);

export const invitationNotFound = failure('invitation.not_found', 404, 'There is no such invitation.');
export const invitationExpired = failure(
  'invitation.expired',
  410,
  'The invitation has expired; ask for a new one.',
);
export const invitationExists = failure(
  'invitation.exists',
  409,
  'An invitation to this address is open already.',
);
export const tooManyLetters = failure(
  'invitation.too_many_letters',
  429,
  'This address got too many letters today; try again tomorrow.',
);
export const tooManyInvitations = failure(
  'invitation.too_many',
  409,
  'The workspace has as many open invitations as it may have.',
);

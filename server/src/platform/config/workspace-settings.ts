import { bytes, integer } from './kinds.ts';

const gibibyte = 2 ** 30;

/** How much fits into a workspace that has no limits of its own. */
export const workspaceSettings = {
  workspacesOwnedMax: integer({
    name: 'ALCOVE_LIMIT_WORKSPACES_OWNED',
    what: 'Workspaces that one account may own, its personal one not counted.',
    min: 0,
    max: 1_000_000,
    fallback: 50,
  }),
  workspaceMembersMax: integer({
    name: 'ALCOVE_LIMIT_WORKSPACE_MEMBERS',
    what: 'Members of one workspace.',
    min: 1,
    max: 1_000_000,
    fallback: 100,
  }),
  workspaceInvitationsMax: integer({
    name: 'ALCOVE_LIMIT_WORKSPACE_INVITATIONS',
    what: 'Open invitations of one workspace.',
    min: 0,
    max: 1_000_000,
    fallback: 50,
  }),
  workspaceStorageBytesMax: bytes({
    name: 'ALCOVE_LIMIT_WORKSPACE_STORAGE_BYTES',
    what: 'What the files of one workspace may take up together.',
    min: 0,
    max: 2 ** 50,
    fallback: 10 * gibibyte,
  }),
  guestDays: integer({
    name: 'ALCOVE_LIMIT_GUEST_DAYS',
    what: 'Days until a guest who did not become an account is removed with everything it has.',
    min: 1,
    max: 3650,
    fallback: 30,
  }),
  guestStorageBytesMax: bytes({
    name: 'ALCOVE_LIMIT_GUEST_STORAGE_BYTES',
    what: "What the files in a guest's workspace may take up together.",
    min: 0,
    max: 2 ** 50,
    fallback: 100 * 2 ** 20,
  }),
} as const;

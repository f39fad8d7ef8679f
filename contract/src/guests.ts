/** `/auth/guest`, `/auth/convert-session`, `/auth/initialize`: people who try an app before they have an account. */
import Type, { type Static } from 'typebox';
import { Email, Password } from './account.ts';
import { Name, Strict, Uuid } from './common.ts';
import { Account, Tokens, WorkspaceRef } from './identity.ts';

export const GuestRequest = Strict({ assistantId: Type.Optional(Uuid) });
export type GuestRequest = Static<typeof GuestRequest>;

export const GuestOpened = Type.Object({ account: Account, workspace: WorkspaceRef, tokens: Tokens });
export type GuestOpened = Static<typeof GuestOpened>;

export const ConvertRequest = Strict({
  email: Email,
  password: Password,
  displayName: Type.Optional(Name()),
});
export type ConvertRequest = Static<typeof ConvertRequest>;

export const Converted = Type.Object({ account: Account, tokens: Tokens });
export type Converted = Static<typeof Converted>;

export const GuestToken = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'An access token of the guest.',
});

export const GuestMergeRequest = Strict({
  guestToken: GuestToken,
  name: Type.Optional(Name({ description: 'What the workspace is called from now on.' })),
});
export type GuestMergeRequest = Static<typeof GuestMergeRequest>;

export const GuestMerged = Type.Object({ workspace: WorkspaceRef });
export type GuestMerged = Static<typeof GuestMerged>;

export const InitializeRequest = Strict({ assistantId: Uuid });
export type InitializeRequest = Static<typeof InitializeRequest>;

export const Initialized = Type.Object({
  assistant: Type.Object({ id: Uuid, name: Type.String() }),
  features: Type.Array(Type.String()),
  guestAllowed: Type.Boolean(),
});
export type Initialized = Static<typeof Initialized>;

/** `/auth`: accounts with a mail address and a password, sign-in with Google and GitHub, leaving. */
import Type, { type Static } from 'typebox';
import { Base64Url, Name, Nullable, Strict, Timestamp, Uuid } from './common.ts';
import { Account, Device, DeviceInput, DeviceProof, Tokens, WorkspaceRef } from './identity.ts';

export { accountDeletionText } from './keys.ts';

export const passwordLengthMin = 8;
export const passwordBytesMax = 1024;

export const Email = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern:
    '^\\s*[^\\s@<>"(),:;\\\\\\[\\]\\x00-\\x1f\\x7f]{1,64}@[^\\s@<>"(),:;\\\\\\[\\]\\x00-\\x1f\\x7f]{1,253}\\s*$',
  description: 'A mail address. Upper and lower case are the same.',
});

/** Counted in characters here; the service also counts bytes, and refuses what everybody knows. */
export const Password = Type.String({
  minLength: passwordLengthMin,
  maxLength: passwordBytesMax,
  description: `At least ${passwordLengthMin} characters, better 15; at most ${passwordBytesMax} bytes. Nothing is asked of what they are.`,
});

/** A password as it is tried: what is too short or too long is simply wrong. */
const TriedPassword = Type.String({ maxLength: passwordBytesMax });
const MailToken = Type.String({ minLength: 1, maxLength: 128, description: 'From the letter.' });
const DisplayName = Name();
const device = Type.Optional(DeviceInput);
/** In place of `device`: the one that the account knows already goes on. */
const known = Type.Optional(DeviceProof);

export const SignupRequest = Strict({
  email: Email,
  password: Password,
  displayName: Type.Optional(DisplayName),
  device,
});
export type SignupRequest = Static<typeof SignupRequest>;

export const LoginRequest = Strict({
  email: Type.String({ maxLength: 320 }),
  password: TriedPassword,
  device,
  known,
  guestToken: Type.Optional(
    Type.String({ maxLength: 4096, description: 'An access token of the guest that signs in now.' }),
  ),
});
export type LoginRequest = Static<typeof LoginRequest>;

/** Whoever signed in. Without a device the session reads no vault. */
export const SessionOpened = Type.Object({
  account: Account,
  device: Type.Optional(Device),
  workspace: WorkspaceRef,
  tokens: Tokens,
});
export type SessionOpened = Static<typeof SessionOpened>;

export const LoggedIn = Type.Object({
  ...SessionOpened.properties,
  guestWorkspace: Type.Optional(
    Type.Object(
      { id: Uuid, name: Type.String() },
      { description: 'What the guest has; POST /auth/guest/merge moves it into the account.' },
    ),
  ),
});
export type LoggedIn = Static<typeof LoggedIn>;

export const ChangePasswordRequest = Strict({ currentPassword: TriedPassword, newPassword: Password });
export type ChangePasswordRequest = Static<typeof ChangePasswordRequest>;
export const ForgotPasswordRequest = Strict({ email: Email });
export const ForgotPasswordResponse = Type.Object({ accepted: Type.Literal(true) });
export const ResetPasswordRequest = Strict({ token: MailToken, password: Password });
export type ResetPasswordRequest = Static<typeof ResetPasswordRequest>;
export const VerifyEmailRequest = Strict({ token: MailToken });
export const VerifyEmailResponse = Type.Object({ account: Account });

export const UpdateMeRequest = Strict({
  displayName: Type.Optional(Type.Union([DisplayName, Type.Null()])),
  email: Type.Optional(Email),
  password: Type.Optional(TriedPassword),
});
export type UpdateMeRequest = Static<typeof UpdateMeRequest>;
export const UpdateMeResponse = Type.Object({
  account: Account,
  pendingEmail: Type.Optional(
    Type.String({ description: 'Becomes the address of the account once it is verified.' }),
  ),
});
export type UpdateMeResponse = Static<typeof UpdateMeResponse>;

export const OAuthProvider = Type.Enum(['google', 'github']);
export type OAuthProvider = Static<typeof OAuthProvider>;
export const OAuthStartQuery = Strict({
  redirect: Type.Optional(
    Type.String({ maxLength: 2000, description: 'Where the app waits; one of ALCOVE_OAUTH_REDIRECTS.' }),
  ),
  codeChallenge: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description: 'base64url SHA-256 of a secret that the exchange then has to show (as PKCE, S256).',
    }),
  ),
  purpose: Type.Optional(
    Type.Union([Type.Literal('sign-in'), Type.Literal('link')], {
      description:
        '`link` adds the service to an account that is signed in already: with `redirect` and `codeChallenge`, and the code goes to POST /auth/identities.',
    }),
  ),
});
export type OAuthStartQuery = Static<typeof OAuthStartQuery>;
/** What the provider sends along; members that we do not know are its business. */
export const OAuthCallbackQuery = Type.Object({
  state: Type.Optional(Type.String({ maxLength: 500 })),
  code: Type.Optional(Type.String({ maxLength: 2000 })),
  error: Type.Optional(Type.String({ maxLength: 500 })),
});
export type OAuthCallbackQuery = Static<typeof OAuthCallbackQuery>;
export const OAuthExchangeRequest = Strict({
  code: Type.String({ minLength: 1, maxLength: 128 }),
  codeVerifier: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' })),
  device,
  known,
});
export type OAuthExchangeRequest = Static<typeof OAuthExchangeRequest>;

export const LinkServiceRequest = Strict({
  code: Type.String({ minLength: 1, maxLength: 128 }),
  codeVerifier: Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' }),
  password: Type.Optional(TriedPassword),
});
export type LinkServiceRequest = Static<typeof LinkServiceRequest>;
/** Another service that the account may be signed in through. */
export const LinkedService = Type.Object({
  provider: OAuthProvider,
  email: Nullable(Type.String()),
  linkedAt: Timestamp,
});
export type LinkedService = Static<typeof LinkedService>;
export const LinkedServices = Type.Object({ data: Type.Array(LinkedService) });

export const DeleteMeRequest = Strict({
  password: Type.Optional(TriedPassword),
  challenge: Type.Optional(Base64Url({ minLength: 1, maxLength: 128 })),
  signature: Type.Optional(Base64Url({ minLength: 1, maxLength: 128 })),
});
export type DeleteMeRequest = Static<typeof DeleteMeRequest>;
export const DeletionAccepted = Type.Object({ deleted: Type.Literal(true) });

/** `/auth`: accounts, devices, pairing, tokens. */
import Type, { type Static } from 'typebox';
import { Base64Url, Name, Nullable, Strict, Timestamp, Uuid } from './common.ts';

/** Longest opaque key share, in bytes of base64url text. */
export const wrappedLengthMax = 4096;

export const Platform = Type.Enum(['ios', 'android', 'macos', 'windows', 'linux', 'web', 'cli', 'other']);
export type Platform = Static<typeof Platform>;

/**
 * A public key as JWK (RFC 7517). What the members must hold depends on the key's type and use, so the service checks
 * them one by one and names the member that is wrong.
 */
export const PublicJwk = Type.Object(
  { kty: Type.String() },
  {
    additionalProperties: true,
    description:
      'Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256.',
  },
);
export type PublicJwk = Static<typeof PublicJwk>;

const deviceInput = {
  name: Name(),
  platform: Platform,
  encryptionKey: PublicJwk,
  signingKey: PublicJwk,
};
export const DeviceInput = Strict(deviceInput);
export type DeviceInput = Static<typeof DeviceInput>;

export const Device = Type.Object({
  id: Uuid,
  ...deviceInput,
  fingerprint: Base64Url(),
  createdAt: Timestamp,
  lastSeenAt: Nullable(Timestamp),
  current: Type.Boolean(),
  endorsedBy: Nullable(Uuid),
});
export type Device = Static<typeof Device>;

export const Account = Type.Object({
  id: Uuid,
  kind: Type.Union([
    Type.Literal('anonymous'),
    Type.Literal('password'),
    Type.Literal('oauth'),
    Type.Literal('guest'),
  ]),
  email: Nullable(Type.String()),
  emailVerified: Type.Optional(
    Type.Boolean({ description: 'With an address: whether it is known to reach this person.' }),
  ),
  displayName: Nullable(Type.String()),
  createdAt: Timestamp,
  expiresAt: Type.Optional(Timestamp),
});
export type Account = Static<typeof Account>;

export const WorkspaceRef = Type.Object({ id: Uuid, name: Type.String(), role: Type.String() });
export type WorkspaceRef = Static<typeof WorkspaceRef>;

export const Tokens = Type.Object({
  accessToken: Type.String(),
  refreshToken: Type.String(),
  tokenType: Type.Literal('Bearer'),
  expiresInSeconds: Type.Integer(),
  refreshExpiresAt: Timestamp,
});
export type Tokens = Static<typeof Tokens>;

export const RegisterRequest = Strict({ device: DeviceInput });
export type RegisterRequest = Static<typeof RegisterRequest>;

export const SignedIn = Type.Object({
  account: Account,
  device: Device,
  workspace: WorkspaceRef,
  tokens: Tokens,
});
export type SignedIn = Static<typeof SignedIn>;

const thumbprint = Base64Url({ minLength: 43, maxLength: 43 });

/** One entry of the hash-chained device log; `keys.ts` builds its signed text and its hash. */
export const LogEntry = Strict({
  action: Type.Union([Type.Literal('genesis'), Type.Literal('add'), Type.Literal('revoke')]),
  accountId: Uuid,
  deviceId: Uuid,
  encryptionKeyThumbprint: thumbprint,
  signingKeyThumbprint: thumbprint,
  previousHash: Type.String({ pattern: '^([A-Za-z0-9_-]{43})?$' }),
  by: Uuid,
  signature: Base64Url({ minLength: 86, maxLength: 86 }),
});
export type LogEntry = Static<typeof LogEntry>;

export const Epoch = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
export const Wrapped = Base64Url({ minLength: 1, maxLength: wrappedLengthMax });

/** An epoch key, wrapped to one device. Opaque to the server. */
export const KeyShare = Strict({ epoch: Epoch, wrapped: Wrapped });
export type KeyShare = Static<typeof KeyShare>;

export const PairingRequest = Strict({ device: DeviceInput });
export const PairingStarted = Type.Object({ id: Uuid, challenge: Base64Url(), expiresAt: Timestamp });
export type PairingStarted = Static<typeof PairingStarted>;

export const PairingStatus = Type.Union([
  Type.Literal('waiting'),
  Type.Literal('approved'),
  Type.Literal('claimed'),
  Type.Literal('expired'),
]);
export const Pairing = Type.Object({ id: Uuid, status: PairingStatus, device: Device });
export type Pairing = Static<typeof Pairing>;

export const PairDeviceRequest = Strict({
  pairingId: Uuid,
  keyShares: Type.Array(KeyShare, { maxItems: 1000 }),
  endorsement: LogEntry,
});
export type PairDeviceRequest = Static<typeof PairDeviceRequest>;
export const PairDeviceResponse = Type.Object({ device: Device });

export const ClaimRequest = Strict({ signature: Base64Url({ minLength: 1, maxLength: 128 }) });
export const Claimed = Type.Object({
  account: Account,
  device: Device,
  workspace: WorkspaceRef,
  tokens: Tokens,
  keyShares: Type.Array(KeyShare),
  endorsement: LogEntry,
});
export type Claimed = Static<typeof Claimed>;

/** Something fresh to sign. */
export const Challenge = Type.Object({ challenge: Base64Url(), expiresAt: Timestamp });
export type Challenge = Static<typeof Challenge>;
export const ChallengeRequest = Strict({ deviceId: Uuid });

const signedChallenge = {
  challenge: Base64Url({ minLength: 1, maxLength: 128 }),
  signature: Base64Url({ minLength: 1, maxLength: 128 }),
};
/** Proves that the caller is a device that the service knows; `deviceSignInText` is what it signs. */
export const DeviceProof = Strict({ deviceId: Uuid, ...signedChallenge });
export type DeviceProof = Static<typeof DeviceProof>;

export const DeviceList = Type.Object({ data: Type.Array(Device), nextCursor: Nullable(Type.String()) });
export type DeviceList = Static<typeof DeviceList>;
export const RenameDeviceRequest = Strict({ name: deviceInput.name });

export const RefreshRequest = Strict({
  refreshToken: Type.String({ minLength: 1, maxLength: 256 }),
  deviceSignature: Type.Optional(Base64Url({ minLength: 1, maxLength: 128 })),
});
export type RefreshRequest = Static<typeof RefreshRequest>;
export const RefreshResponse = Type.Object({ tokens: Tokens });
export type RefreshResponse = Static<typeof RefreshResponse>;

export const LogoutRequest = Strict({ everywhere: Type.Optional(Type.Boolean()) });

export const Session = Type.Object({
  id: Uuid,
  createdAt: Timestamp,
  lastSeenAt: Nullable(Timestamp),
  userAgent: Nullable(Type.String()),
  current: Type.Boolean(),
});

export const Me = Type.Object({
  account: Account,
  session: Session,
  device: Type.Optional(Device),
  workspaces: Type.Array(WorkspaceRef),
});
export type Me = Static<typeof Me>;

export const Jwks = Type.Object({ keys: Type.Array(Type.Object({}, { additionalProperties: true })) });

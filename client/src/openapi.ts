/**
 * What every call takes and answers, made from the server's own description (/openapi.json). Do not edit it: after a
 * change of the API run
 *
 *     npx vitest run --project unit/pglite client/test/openapi.test.ts -u
 */

export interface AcceptInvitationRequest {
  token: string;
}

export interface Account {
  /** A UUID in lower case. */
  id: string;
  kind: 'anonymous' | 'password' | 'oauth' | 'guest';
  email: string | null;
  /** With an address: whether it is known to reach this person. */
  emailVerified?: boolean;
  displayName: string | null;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  /** RFC 3339, UTC, with milliseconds. */
  expiresAt?: string;
}

export interface ApiKey {
  /** A UUID in lower case. */
  id: string;
  name: string;
  /** How the key begins; it tells nothing of the secret. */
  prefix: string;
  scopes: string[];
  signing: {
    algorithm: 'ed25519' | 'hmac-sha256';
  } | null;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  expiresAt: string | null;
  /** Its last four characters. */
  hint: string;
  createdBy: string | null;
  lastUsedAt: string | null;
  previousSecretExpiresAt: string | null;
}

export interface ApiKeyList {
  data: ApiKey[];
  nextCursor: string | null;
}

export interface ApiKeyRequest {
  name: string;
  /** `<module>:read`, `<module>:write`, or `*` for all of them. Writing does not include reading. */
  scopes: Array<'identity:read' | 'identity:write' | 'workspaces:read' | 'workspaces:write' | 'audit:read' | 'audit:write' | 'sync:read' | 'sync:write' | 'documents:read' | 'documents:write' | 'files:read' | 'files:write' | 'llm:read' | 'llm:write' | 'embeddings:read' | 'embeddings:write' | 'speech:read' | 'speech:write' | 'knowledge:read' | 'knowledge:write' | 'assistants:read' | 'assistants:write' | 'voice:read' | 'voice:write' | 'billing:read' | 'billing:write' | 'webhooks:read' | 'webhooks:write' | 'analytics:read' | 'analytics:write' | '*'>;
  /** RFC 3339, in the years 1 to 9999. */
  expiresAt?: string;
  signing?: {
    algorithm: 'ed25519';
    publicKey: {
      kty: 'OKP';
      crv: 'Ed25519';
      x: string;
    };
  } | {
    algorithm: 'hmac-sha256';
  };
}

export interface ApiKeyWithSecret {
  /** A UUID in lower case. */
  id: string;
  name: string;
  /** How the key begins; it tells nothing of the secret. */
  prefix: string;
  scopes: string[];
  signing: {
    algorithm: 'ed25519' | 'hmac-sha256';
  } | null;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  expiresAt: string | null;
  /** The whole key. It is shown this once. */
  secret: string;
  /** With hmac-sha256: 32 bytes to sign with. They are shown this once. */
  signingSecret?: string;
  previousSecretExpiresAt: string | null;
}

export interface AuditEntry {
  /** A UUID in lower case. */
  id: string;
  /** RFC 3339, UTC, with milliseconds. */
  at: string;
  /** `account:` or `key:` with the id, `operator`, `system`, or `anyone`. */
  actor: string;
  action: string;
  /** What it was done to: its type, a colon, its id. */
  target: string;
  ip: string;
  requestId: string;
  detail: Record<string, string | number | boolean | null>;
  /** base64url without padding. */
  hash: string;
  /** base64url without padding. */
  previousHash: string;
}

export interface AuditLogs {
  data: AuditEntry[];
  nextCursor: string | null;
}

export interface AuditVerification {
  valid: boolean;
  /** How many entries were found to be as they were written. */
  entries: number;
  /** base64url without padding. */
  headHash: string;
  broken: {
    id: string | null;
    position: number;
    reason: string;
  } | null;
}

export interface Challenge {
  /** base64url without padding. */
  challenge: string;
  /** RFC 3339, UTC, with milliseconds. */
  expiresAt: string;
}

export interface ChallengeRequest {
  /** A UUID in lower case. */
  deviceId: string;
}

export interface ChangeMemberRequest {
  /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
  role: 'viewer' | 'member' | 'admin' | 'owner';
}

export interface ChangeOut {
  id: string;
  kind: 'entry' | 'memory' | 'tag';
  op: 'put' | 'delete';
  /** Device id → counter. A missing entry counts as 0. */
  clock: Record<string, number>;
  time: string;
  epoch: number;
  /** What was sealed, as base64url without padding. A put has one. That of a deletion shows other devices that a device of the account made it, in at most 256 characters; they do not believe one without. */
  payload?: string;
  meta?: MemoryMeta | TagMeta;
  seq: number;
  /** A UUID in lower case. */
  deviceId: string;
  deleted: boolean;
  siblings?: Version[];
  /** The open conflict between the versions, where somebody has to decide. */
  conflictId?: string;
}

export interface ChangePasswordRequest {
  currentPassword: string;
  /** At least 8 characters, better 15; at most 1024 bytes. Nothing is asked of what they are. */
  newPassword: string;
}

export interface ClaimRequest {
  /** base64url without padding. */
  signature: string;
}

export interface Claimed {
  account: Account;
  device: Device;
  workspace: WorkspaceRef;
  tokens: Tokens;
  keyShares: KeyShare[];
  endorsement: LogEntry;
}

export interface Clients {
  data: Array<{
    /** A UUID in lower case. */
    id: string;
    name: string;
    /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
    role: 'viewer' | 'member' | 'admin' | 'owner';
  }>;
  nextCursor: null;
}

export interface ComponentHealth {
  status: 'ok' | 'failed';
  latencyMs: number;
  detail?: string;
}

export interface Conflict {
  /** A UUID in lower case. */
  id: string;
  itemId: string;
  kind: 'entry' | 'memory' | 'tag';
  /** The versions that are held now, the leading one first. */
  versions: Version[];
  /** RFC 3339, UTC, with milliseconds. */
  detectedAt: string;
  state: 'open' | 'resolved';
}

export interface ConflictList {
  data: Conflict[];
  nextCursor: string | null;
}

export interface ConvertRequest {
  /** A mail address. Upper and lower case are the same. */
  email: string;
  /** At least 8 characters, better 15; at most 1024 bytes. Nothing is asked of what they are. */
  password: string;
  displayName?: string;
}

export interface Converted {
  account: Account;
  tokens: Tokens;
}

export interface DeleteMeRequest {
  password?: string;
  /** base64url without padding. */
  challenge?: string;
  /** base64url without padding. */
  signature?: string;
}

export interface DeletionAccepted {
  deleted: true;
}

export interface Device {
  /** A UUID in lower case. */
  id: string;
  name: string;
  platform: 'ios' | 'android' | 'macos' | 'windows' | 'linux' | 'web' | 'cli' | 'other';
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  encryptionKey: PublicJwk;
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  signingKey: PublicJwk;
  /** base64url without padding. */
  fingerprint: string;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  lastSeenAt: string | null;
  current: boolean;
  endorsedBy: string | null;
}

export interface DeviceInput {
  name: string;
  platform: 'ios' | 'android' | 'macos' | 'windows' | 'linux' | 'web' | 'cli' | 'other';
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  encryptionKey: PublicJwk;
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  signingKey: PublicJwk;
}

export interface DeviceList {
  data: Device[];
  nextCursor: string | null;
}

export interface DeviceProof {
  /** A UUID in lower case. */
  deviceId: string;
  /** base64url without padding. */
  challenge: string;
  /** base64url without padding. */
  signature: string;
}

export interface ForgotPasswordRequest {
  /** A mail address. Upper and lower case are the same. */
  email: string;
}

export interface ForgotPasswordResponse {
  accepted: true;
}

export interface GuestMergeRequest {
  /** An access token of the guest. */
  guestToken: string;
  /** What the workspace is called from now on. */
  name?: string;
}

export interface GuestMerged {
  workspace: WorkspaceRef;
}

export interface GuestOpened {
  account: Account;
  workspace: WorkspaceRef;
  tokens: Tokens;
}

export interface GuestRequest {
  /** A UUID in lower case. */
  assistantId?: string;
}

export interface Health {
  status: 'ok';
  version: string;
  uptimeSeconds: number;
}

export interface HealthDetailed {
  status: 'ok' | 'failed';
  version: string;
  uptimeSeconds: number;
  components: Record<string, ComponentHealth>;
}

export interface InitializeRequest {
  /** A UUID in lower case. */
  assistantId: string;
}

export interface Initialized {
  assistant: {
    /** A UUID in lower case. */
    id: string;
    name: string;
  };
  features: string[];
  guestAllowed: boolean;
}

export interface Invitation {
  /** A UUID in lower case. */
  id: string;
  email: string;
  /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
  role: 'viewer' | 'member' | 'admin' | 'owner';
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  /** RFC 3339, UTC, with milliseconds. */
  expiresAt: string;
}

export interface InvitationCreated {
  /** A UUID in lower case. */
  id: string;
  email: string;
  /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
  role: 'viewer' | 'member' | 'admin' | 'owner';
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  /** RFC 3339, UTC, with milliseconds. */
  expiresAt: string;
  /** Shown here only, and in the letter. Whoever has it can become a member. */
  token: string;
  /** Where the letter leads; the token stands behind #. */
  url: string;
}

export interface InvitationList {
  data: Invitation[];
  nextCursor: string | null;
}

export interface InviteRequest {
  email: string;
  /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
  role: 'viewer' | 'member' | 'admin' | 'owner';
}

export interface Jwks {
  keys: Array<Record<string, unknown>>;
}

export interface KeyShare {
  epoch: number;
  /** base64url without padding. */
  wrapped: string;
}

export interface KeyToken {
  accessToken: string;
  tokenType: 'Bearer';
  expiresInSeconds: number;
  scopes: string[];
}

export interface KeyTokenRequest {
  /** `<module>:read`, `<module>:write`, or `*` for all of them. Writing does not include reading. */
  scopes?: Array<'identity:read' | 'identity:write' | 'workspaces:read' | 'workspaces:write' | 'audit:read' | 'audit:write' | 'sync:read' | 'sync:write' | 'documents:read' | 'documents:write' | 'files:read' | 'files:write' | 'llm:read' | 'llm:write' | 'embeddings:read' | 'embeddings:write' | 'speech:read' | 'speech:write' | 'knowledge:read' | 'knowledge:write' | 'assistants:read' | 'assistants:write' | 'voice:read' | 'voice:write' | 'billing:read' | 'billing:write' | 'webhooks:read' | 'webhooks:write' | 'analytics:read' | 'analytics:write' | '*'>;
  ttlSeconds?: number;
}

export interface Keys {
  epoch: number;
  shares: KeyShare[];
  /** The shares of the recovery key, in a session that it opened. */
  recoveryShares?: KeyShare[];
  log: LogEntry[];
  /** The public keys behind the log, also of revoked devices: without them old entries could not be checked. */
  devices: Array<{
    /** A UUID in lower case. */
    id: string;
    /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
    encryptionKey: PublicJwk;
    /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
    signingKey: PublicJwk;
    kind: 'device' | 'recovery';
    /** Taken out of use. While the log still admits it, another device is to write its entry and mint the next epoch. */
    revoked: boolean;
  }>;
}

export interface LinkServiceRequest {
  code: string;
  codeVerifier: string;
  password?: string;
}

export interface LinkedService {
  provider: 'google' | 'github';
  email: string | null;
  /** RFC 3339, UTC, with milliseconds. */
  linkedAt: string;
}

export interface LinkedServices {
  data: LinkedService[];
}

export interface ListedSession {
  /** A UUID in lower case. */
  id: string;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  lastSeenAt: string | null;
  userAgent: string | null;
  current: boolean;
  device?: {
    /** A UUID in lower case. */
    id: string;
    name: string;
    platform: 'ios' | 'android' | 'macos' | 'windows' | 'linux' | 'web' | 'cli' | 'other';
  };
}

export interface LiveTicket {
  ticket: string;
  /** RFC 3339, UTC, with milliseconds. */
  expiresAt: string;
}

export interface LogEntry {
  action: 'genesis' | 'add' | 'revoke';
  /** A UUID in lower case. */
  accountId: string;
  /** A UUID in lower case. */
  deviceId: string;
  /** base64url without padding. */
  encryptionKeyThumbprint: string;
  /** base64url without padding. */
  signingKeyThumbprint: string;
  previousHash: string;
  /** A UUID in lower case. */
  by: string;
  /** base64url without padding. */
  signature: string;
}

export interface LoggedIn {
  account: Account;
  device?: Device;
  workspace: WorkspaceRef;
  tokens: Tokens;
  /** What the guest has; POST /auth/guest/merge moves it into the account. */
  guestWorkspace?: {
    /** A UUID in lower case. */
    id: string;
    name: string;
  };
}

export interface LoginRequest {
  email: string;
  password: string;
  device?: DeviceInput;
  known?: DeviceProof;
  /** An access token of the guest that signs in now. */
  guestToken?: string;
}

export interface LogoutRequest {
  everywhere?: boolean;
}

export interface Me {
  account: Account;
  session: Session;
  device?: Device;
  workspaces: WorkspaceRef[];
}

export interface Member {
  /** A UUID in lower case. */
  accountId: string;
  /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
  role: 'viewer' | 'member' | 'admin' | 'owner';
  email: string | null;
  displayName: string | null;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
}

export interface MemberList {
  data: Member[];
  nextCursor: string | null;
}

export interface MemoryMeta {
  sources?: string[];
  /** Device id → counter. A missing entry counts as 0. */
  accessCounts?: Record<string, number>;
}

export interface MintRequest {
  epoch: number;
  shares: Array<{
    /** A UUID in lower case. */
    deviceId: string;
    /** base64url without padding. */
    wrapped: string;
  }>;
  recovery?: string | null;
  log: LogEntry[];
}

export interface OAuthExchangeRequest {
  code: string;
  codeVerifier?: string;
  device?: DeviceInput;
  known?: DeviceProof;
}

export interface PairDeviceRequest {
  /** A UUID in lower case. */
  pairingId: string;
  keyShares: KeyShare[];
  endorsement: LogEntry;
}

export interface PairDeviceResponse {
  device: Device;
}

export interface Pairing {
  /** A UUID in lower case. */
  id: string;
  status: 'waiting' | 'approved' | 'claimed' | 'expired';
  device: Device;
}

export interface PairingStarted {
  /** A UUID in lower case. */
  id: string;
  /** base64url without padding. */
  challenge: string;
  /** RFC 3339, UTC, with milliseconds. */
  expiresAt: string;
}

export interface Provider {
  kind: 'llm' | 'tts';
  provider: string;
  /** The last four characters of the key. */
  hint: string;
  settings: ProviderSettings;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  /** RFC 3339, UTC, with milliseconds. */
  updatedAt: string;
}

export interface ProviderList {
  data: Provider[];
  nextCursor: string | null;
}

export interface ProviderSettings {
  /** Where the service answers, when not at its own address. Needed for 'openai-compatible'. */
  baseUrl?: string;
  organization?: string;
  project?: string;
  model?: string;
  voice?: string;
}

export interface PublicJwk {
  kty: string;
  [member: string]: unknown;
}

export interface PullRequest {
  cursor?: string;
  limit?: number;
  kinds?: string;
  acknowledged?: string;
}

export interface PullResponse {
  changes: ChangeOut[];
  cursor: string;
  hasMore: boolean;
  conflictsOpen: number;
  /** RFC 3339, UTC, with milliseconds. */
  serverTime: string;
}

export interface PushRequest {
  /** Each a `Change`. A malformed one is rejected alone. */
  changes: unknown[];
  atomic?: boolean;
  /** The highest counter of its own that this device had handed to the network before, as its store remembers. When the vault knows a higher one, the store is a copy or an old state of another: 409 `sync.device_cloned` with `counter` and `cameWith`, and nothing is written. */
  sentCounter?: number;
}

export interface PushResponse {
  results: PushResult[];
  cursor: string;
  /** RFC 3339, UTC, with milliseconds. */
  serverTime: string;
  /** The highest counter that the vault knows of the calling device. */
  counter: number;
  /** In a vault that was restored: the `sentCounter` of this device's first push since. A store that had sent more by then is not the one whose changes the vault has taken. */
  cameWith?: number;
  warnings: Warning[];
  /** How much the vault can still grow. What makes it smaller is always taken. */
  bytesLeft: number;
}

export interface PushResult {
  id: string;
  status: 'applied' | 'merged' | 'duplicate' | 'stale' | 'conflict' | 'rejected';
  seq?: number;
  code?: string;
  detail?: string;
  current?: ChangeOut;
  /** A UUID in lower case. */
  conflictId?: string;
}

export interface Quota {
  limits: {
    members: number;
    invitations: number;
    storageBytes: number;
  };
  used: {
    members: number;
    invitations: number;
    storageBytes: number;
  };
}

export interface Readiness {
  status: 'ready';
}

export interface RecoverRequest {
  device: DeviceInput;
  /** A UUID in lower case. */
  memberId: string;
  /** base64url without padding. */
  challenge: string;
  /** base64url without padding. */
  signature: string;
}

export interface RecoveryMember {
  /** A UUID in lower case. */
  id: string;
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  encryptionKey: PublicJwk;
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  signingKey: PublicJwk;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  blob: string | null;
}

export interface RefreshRequest {
  refreshToken: string;
  /** base64url without padding. */
  deviceSignature?: string;
}

export interface RefreshResponse {
  tokens: Tokens;
}

export interface ResetPasswordRequest {
  /** From the letter. */
  token: string;
  /** At least 8 characters, better 15; at most 1024 bytes. Nothing is asked of what they are. */
  password: string;
}

export interface ResolveRequest {
  /** A `Change` whose clock has seen every version. */
  change: unknown;
  /** The highest counter of its own that this device had handed to the network before, as its store remembers. When the vault knows a higher one, the store is a copy or an old state of another: 409 `sync.device_cloned` with `counter` and `cameWith`, and nothing is written. */
  sentCounter?: number;
}

export interface RotateKeyRequest {
  /** How long the old secret still works; 0, so not at all, unless given. */
  overlapSeconds?: number;
}

export interface ServiceRoot {
  name: 'alcove';
  version: string;
  status: string;
  docsUrl: string;
  consoleUrl: string | null;
}

export interface Session {
  /** A UUID in lower case. */
  id: string;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
  lastSeenAt: string | null;
  userAgent: string | null;
  current: boolean;
}

export interface SessionList {
  data: ListedSession[];
  nextCursor: string | null;
}

export interface SessionOpened {
  account: Account;
  device?: Device;
  workspace: WorkspaceRef;
  tokens: Tokens;
}

export interface SetLlmProviderRequest {
  provider: 'openai' | 'anthropic' | 'gemini' | 'openai-compatible';
  /** The key: 16 to 2048 visible ASCII characters. */
  apiKey: string;
  settings?: ProviderSettings;
}

export interface SetRecoveryRequest {
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  encryptionKey: PublicJwk;
  /** Encryption: OKP X25519, EC P-256, or RSA of at least 2048 bits. Signing: OKP Ed25519 or EC P-256. */
  signingKey: PublicJwk;
  endorsement: LogEntry;
  /** The keys of all epochs that there are, wrapped to the new recovery key. */
  keyShares: KeyShare[];
  /** Where there is a recovery key already: the entry that takes it out, which comes before the endorsement, and the next epoch, which it gets no share of. */
  replaces?: {
    revocation: LogEntry;
    epoch: number;
    shares: Array<{
      /** A UUID in lower case. */
      deviceId: string;
      /** base64url without padding. */
      wrapped: string;
    }>;
  };
  blob?: string | null;
}

export interface SetTtsProviderRequest {
  provider: 'openai' | 'elevenlabs' | 'cartesia' | 'openai-compatible';
  /** The key: 16 to 2048 visible ASCII characters. */
  apiKey: string;
  settings?: ProviderSettings;
}

export interface SignedIn {
  account: Account;
  device: Device;
  workspace: WorkspaceRef;
  tokens: Tokens;
}

export interface SignupRequest {
  /** A mail address. Upper and lower case are the same. */
  email: string;
  /** At least 8 characters, better 15; at most 1024 bytes. Nothing is asked of what they are. */
  password: string;
  displayName?: string;
  device?: DeviceInput;
}

export interface SyncPolicy {
  /** Whether concurrent versions of an entry are a conflict for a person to decide. All of them are kept in either case. */
  entries: 'manual' | 'last-writer-wins';
}

export interface SyncStatus {
  /** Items of which something is there. */
  items: number;
  /** What all held versions come to as they travel, rounded up. */
  bytes: number;
  quotaItems: number;
  quotaBytes: number;
  generation: string;
  /** Deletions up to this sequence number may be forgotten. */
  floor: number;
  /** Where the feed ends now. */
  cursor: string;
  conflictsOpen: number;
  policy: SyncPolicy;
  devices: Array<{
    /** A UUID in lower case. */
    id: string;
    /** Up to here the device has stored everything. */
    acknowledgedSeq: number;
  }>;
}

export interface TagMeta {
  entryId?: string;
  confidence?: number;
  sourceType?: 'user' | 'ai' | 'import';
}

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  tokenType: 'Bearer';
  expiresInSeconds: number;
  /** RFC 3339, UTC, with milliseconds. */
  refreshExpiresAt: string;
}

export interface UpdateMeRequest {
  displayName?: string | null;
  /** A mail address. Upper and lower case are the same. */
  email?: string;
  password?: string;
}

export interface UpdateMeResponse {
  account: Account;
  /** Becomes the address of the account once it is verified. */
  pendingEmail?: string;
}

export interface VaultBackup {
  file: string;
  sizeBytes: number;
}

export interface VaultBackupRequest {
  /** The random name of a vault, which is also that of its file. */
  vault: string;
  /** A folder on the machine of the server, as an absolute path. */
  directory: string;
}

export interface VaultList {
  data: VaultState[];
  nextCursor: string | null;
}

export interface VaultMove {
  /** The random name of a vault, which is also that of its file. */
  vault: string;
  /** `local`: a file on the machine of the server. `remote`: a database of the libSQL server or of Turso. */
  home: 'local' | 'remote';
}

export interface VaultMoved {
  /** The random name of a vault, which is also that of its file. */
  vault: string;
  /** `local`: a file on the machine of the server. `remote`: a database of the libSQL server or of Turso. */
  home: 'local' | 'remote';
  rows: number | null;
  sha256: string | null;
}

export interface VaultProgress {
  /** The schema that every vault is being brought to. */
  schemaVersion: number;
  total: number;
  /** Vaults that have it. */
  current: number;
  /** Vaults that are still to be looked at. */
  waiting: number;
  /** Vaults that could not be looked after, and are tried again. */
  troubled: number;
  /** Vaults that may have something to forget by now. */
  untidy: number;
}

export interface VaultRestoreRequest {
  /** A file on the machine of the server, as an absolute path. */
  file: string;
  /** The random name of a vault, which is also that of its file. */
  vault?: string;
  /** A UUID in lower case. */
  account?: string;
}

export interface VaultState {
  /** The random name of a vault, which is also that of its file. */
  name: string;
  schemaVersion: number | null;
  trouble: {
    /** Why it could not be looked after when that was last tried. */
    code: string;
    /** RFC 3339, UTC, with milliseconds. */
    since: string;
    attempts: number;
    /** RFC 3339, UTC, with milliseconds. */
    retryAt: string;
  } | null;
  tidiedAt: string | null;
  /** When it is looked at, at the latest, for what can be forgotten: old deletions, settled conflicts. */
  tidyAt: string;
}

export interface VerifyEmailRequest {
  /** From the letter. */
  token: string;
}

export interface VerifyEmailResponse {
  account: Account;
}

export interface Version {
  /** Device id → counter. A missing entry counts as 0. */
  clock: Record<string, number>;
  time: string;
  /** A UUID in lower case. */
  deviceId: string;
  epoch: number;
  /** What was sealed, as base64url without padding. A put has one. That of a deletion shows other devices that a device of the account made it, in at most 256 characters; they do not believe one without. */
  payload?: string;
  meta?: MemoryMeta | TagMeta;
  deleted: boolean;
}

export interface Warning {
  code: string;
  detail: string;
}

export interface Workspace {
  /** A UUID in lower case. */
  id: string;
  name: string;
  /** viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace. */
  role: 'viewer' | 'member' | 'admin' | 'owner';
  /** The caller's own personal workspace, which cannot be left or deleted. */
  personal: boolean;
  /** RFC 3339, UTC, with milliseconds. */
  createdAt: string;
}

export interface WorkspaceList {
  data: Workspace[];
  nextCursor: string | null;
}

export interface WorkspaceRef {
  /** A UUID in lower case. */
  id: string;
  name: string;
  role: string;
}

export interface Operations {
  /** What this is */
  'GET /': {
    answer: ServiceRoot;
  };
  /** The keys that access tokens are signed with */
  'GET /.well-known/jwks.json': {
    answer: Jwks;
  };
  /** List vaults */
  'GET /api/v1/admin/vaults': {
    query?: {
      limit?: number;
      cursor?: string;
      /** Only those that could not be looked after. */
      only?: 'troubled';
      /** A UUID in lower case. */
      account?: string;
    };
    answer: VaultList;
  };
  /** Copy a vault into a folder of the server */
  'POST /api/v1/admin/vaults/backup': {
    body: VaultBackupRequest;
    answer: VaultBackup;
  };
  /** Begin another history of a vault whose file was put back by hand */
  'POST /api/v1/admin/vaults/branch': {
    body: {
      /** The random name of a vault, which is also that of its file. */
      vault: string;
    };
    answer: {
      /** The random name of a vault, which is also that of its file. */
      vault: string;
    };
  };
  /** Bring every vault to the newest schema now */
  'POST /api/v1/admin/vaults/migrate': {
    answer: VaultProgress;
  };
  /** Move a vault to another home */
  'POST /api/v1/admin/vaults/move': {
    body: VaultMove;
    answer: VaultMoved;
  };
  /** How far the vaults have come to the newest schema */
  'GET /api/v1/admin/vaults/progress': {
    answer: VaultProgress;
  };
  /** Put a copy in the place of a vault */
  'POST /api/v1/admin/vaults/restore': {
    body: VaultRestoreRequest;
    answer: {
      /** The random name of a vault, which is also that of its file. */
      vault: string;
    };
  };
  /** Read the audit log */
  'GET /api/v1/audit/logs': {
    query?: {
      /** RFC 3339, in the years 1 to 9999. */
      from?: string;
      /** RFC 3339, in the years 1 to 9999. */
      to?: string;
      /** As in an entry, or only the id. */
      actor?: string;
      action?: string;
      /** As in an entry, or only the id. */
      target?: string;
      cursor?: string;
      limit?: number;
    };
    answer: AuditLogs;
  };
  /** Check that nothing in the audit log was changed */
  'GET /api/v1/audit/verify': {
    answer: AuditVerification;
  };
  /** List the API keys of the workspace */
  'GET /api/v1/auth/api-keys': {
    query?: {
      /** A UUID in lower case. */
      cursor?: string;
      limit?: number;
    };
    answer: ApiKeyList;
  };
  /** Make an API key for the workspace */
  'POST /api/v1/auth/api-keys': {
    body: ApiKeyRequest;
    answer: ApiKeyWithSecret;
  };
  /** Take an API key back */
  'DELETE /api/v1/auth/api-keys/{id}': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    answer: undefined;
  };
  /** Give an API key another secret */
  'POST /api/v1/auth/api-keys/{id}/rotate': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    body: RotateKeyRequest;
    answer: ApiKeyWithSecret;
  };
  /** Get something to sign, to sign in as a device that is known */
  'POST /api/v1/auth/challenges': {
    body: ChallengeRequest;
    answer: Challenge;
  };
  /** List the workspaces that I may act for */
  'GET /api/v1/auth/clients': {
    answer: Clients;
  };
  /** Make a guest an account with a password */
  'POST /api/v1/auth/convert-session': {
    body: ConvertRequest;
    answer: Converted;
  };
  /** Sign in again as a device of an anonymous account */
  'POST /api/v1/auth/device-login': {
    body: DeviceProof;
    answer: SignedIn;
  };
  /** List my devices */
  'GET /api/v1/auth/devices': {
    query?: {
      /** A UUID in lower case. */
      cursor?: string;
      limit?: number;
    };
    answer: DeviceList;
  };
  /** Revoke a device */
  'DELETE /api/v1/auth/devices/{id}': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    answer: undefined;
  };
  /** Rename a device */
  'PATCH /api/v1/auth/devices/{id}': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    body: {
      name: string;
    };
    answer: Device;
  };
  /** Prove a mail address with the code of a letter */
  'POST /api/v1/auth/email/verify': {
    body: VerifyEmailRequest;
    answer: VerifyEmailResponse;
  };
  /** Come in as a guest */
  'POST /api/v1/auth/guest': {
    body: GuestRequest;
    answer: GuestOpened;
  };
  /** Take over what a guest has */
  'POST /api/v1/auth/guest/merge': {
    body: GuestMergeRequest;
    answer: GuestMerged;
  };
  /** Through which other services I may sign in */
  'GET /api/v1/auth/identities': {
    answer: LinkedServices;
  };
  /** Add another service to sign in through */
  'POST /api/v1/auth/identities': {
    body: LinkServiceRequest;
    answer: LinkedService;
  };
  /** Sign in through that service no more */
  'DELETE /api/v1/auth/identities/{provider}': {
    params: {
      provider: 'google' | 'github';
    };
    answer: undefined;
  };
  /** What an app has to know of its assistant before anybody has signed in */
  'POST /api/v1/auth/initialize': {
    body: InitializeRequest;
    answer: Initialized;
  };
  /** Sign in with a mail address and a password */
  'POST /api/v1/auth/login': {
    body: LoginRequest;
    answer: LoggedIn;
  };
  /** End this session, or all of them */
  'POST /api/v1/auth/logout': {
    body: LogoutRequest;
    answer: undefined;
  };
  /** Delete my account and everything that is mine alone */
  'DELETE /api/v1/auth/me': {
    body: DeleteMeRequest;
    answer: DeletionAccepted;
  };
  /** Who I am */
  'GET /api/v1/auth/me': {
    answer: Me;
  };
  /** Change my name or mail address */
  'PATCH /api/v1/auth/me': {
    body: UpdateMeRequest;
    answer: UpdateMeResponse;
  };
  /** Get something to sign, to prove that the account is to be deleted */
  'POST /api/v1/auth/me/challenge': {
    answer: Challenge;
  };
  /** Everything that is mine, as one archive */
  'GET /api/v1/auth/me/export': {
    answer: Blob;
  };
  /** Exchange the code that the app got for tokens */
  'POST /api/v1/auth/oauth/exchange': {
    body: OAuthExchangeRequest;
    answer: SessionOpened;
  };
  /** Sign in with Google or GitHub */
  'GET /api/v1/auth/oauth/{provider}': {
    params: {
      provider: 'google' | 'github';
    };
    query?: {
      /** Where the app waits; one of ALCOVE_OAUTH_REDIRECTS. */
      redirect?: string;
      /** base64url SHA-256 of a secret that the exchange then has to show (as PKCE, S256). */
      codeChallenge?: string;
      /** `link` adds the service to an account that is signed in already: with `redirect` and `codeChallenge`, and the code goes to POST /auth/identities. */
      purpose?: 'sign-in' | 'link';
    };
    answer: undefined;
  };
  /** Where the provider sends the browser back to */
  'GET /api/v1/auth/oauth/{provider}/callback': {
    params: {
      provider: 'google' | 'github';
    };
    query?: {
      state?: string;
      code?: string;
      error?: string;
    };
    answer: SessionOpened;
  };
  /** Admit a new device */
  'POST /api/v1/auth/pair-device': {
    body: PairDeviceRequest;
    answer: PairDeviceResponse;
  };
  /** Start a pairing, from the new device */
  'POST /api/v1/auth/pairings': {
    body: {
      device: DeviceInput;
    };
    answer: PairingStarted;
  };
  /** Look at a pairing, from a device of the account */
  'GET /api/v1/auth/pairings/{id}': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    answer: Pairing;
  };
  /** Claim an approved pairing, from the new device */
  'POST /api/v1/auth/pairings/{id}/claim': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    body: ClaimRequest;
    answer: Claimed;
  };
  /** Change the password */
  'POST /api/v1/auth/password/change': {
    body: ChangePasswordRequest;
    answer: undefined;
  };
  /** Ask for a letter by which to choose a new password */
  'POST /api/v1/auth/password/forgot': {
    body: ForgotPasswordRequest;
    answer: ForgotPasswordResponse;
  };
  /** Choose a new password with the code of a letter */
  'POST /api/v1/auth/password/reset': {
    body: ResetPasswordRequest;
    answer: undefined;
  };
  /** List the workspace's keys for outside services */
  'GET /api/v1/auth/providers': {
    answer: ProviderList;
  };
  /** Set the key for a service that writes */
  'PATCH /api/v1/auth/providers/llm': {
    body: SetLlmProviderRequest;
    answer: Provider;
  };
  /** Set the key for a service that speaks */
  'PATCH /api/v1/auth/providers/tts': {
    body: SetTtsProviderRequest;
    answer: Provider;
  };
  /** Remove the key for an outside service */
  'DELETE /api/v1/auth/providers/{kind}/{provider}': {
    params: {
      kind: 'llm' | 'tts';
      provider: string;
    };
    answer: undefined;
  };
  /** Sign in a new device with the recovery key */
  'POST /api/v1/auth/recover': {
    body: RecoverRequest;
    answer: SignedIn;
  };
  /** Get new tokens */
  'POST /api/v1/auth/refresh': {
    body: RefreshRequest;
    answer: RefreshResponse;
  };
  /** Make an anonymous account */
  'POST /api/v1/auth/register': {
    body: {
      device: DeviceInput;
    };
    answer: SignedIn;
  };
  /** List where I am signed in */
  'GET /api/v1/auth/sessions': {
    query?: {
      /** A UUID in lower case. */
      cursor?: string;
      limit?: number;
    };
    answer: SessionList;
  };
  /** End one of my sessions */
  'DELETE /api/v1/auth/sessions/{id}': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    answer: undefined;
  };
  /** Make an account with a mail address and a password */
  'POST /api/v1/auth/signup': {
    body: SignupRequest;
    answer: SessionOpened;
  };
  /** Make a short-lived token with an API key */
  'POST /api/v1/auth/token': {
    body: KeyTokenRequest;
    answer: KeyToken;
  };
  /** List conflicts */
  'GET /api/v1/sync/conflicts': {
    query?: {
      state?: 'open' | 'resolved';
      limit?: number;
      /** A UUID in lower case. */
      cursor?: string;
    };
    answer: ConflictList;
  };
  /** Resolve a conflict */
  'POST /api/v1/sync/conflicts/{id}/resolve': {
    params: {
      /** A UUID in lower case. */
      id: string;
    };
    body: ResolveRequest;
    answer: PushResult;
  };
  /** Read my key shares and the device log */
  'GET /api/v1/sync/keys': {
    answer: Keys;
  };
  /** Mint the next epoch */
  'PUT /api/v1/sync/keys': {
    body: MintRequest;
    answer: Keys;
  };
  /** Get a ticket for the live channel */
  'POST /api/v1/sync/live/ticket': {
    answer: LiveTicket;
  };
  /** Choose what becomes of concurrent entries */
  'PUT /api/v1/sync/policy': {
    body: SyncPolicy;
    answer: SyncPolicy;
  };
  /** Pull changes */
  'GET /api/v1/sync/pull': {
    query?: {
      cursor?: string;
      limit?: number;
      kinds?: string;
    };
    answer: PullResponse;
  };
  /** Pull changes and acknowledge */
  'POST /api/v1/sync/pull': {
    body: PullRequest;
    answer: PullResponse;
  };
  /** Push changes */
  'POST /api/v1/sync/push': {
    body: PushRequest;
    answer: PushResponse;
  };
  /** Read the recovery key */
  'GET /api/v1/sync/recovery': {
    answer: RecoveryMember;
  };
  /** Set or replace the recovery key */
  'PUT /api/v1/sync/recovery': {
    body: SetRecoveryRequest;
    answer: RecoveryMember;
  };
  /** Read how the vault stands */
  'GET /api/v1/sync/status': {
    answer: SyncStatus;
  };
  /** List my workspaces */
  'GET /api/v1/workspaces': {
    query?: {
      /** A UUID in lower case. */
      cursor?: string;
      limit?: number;
    };
    answer: WorkspaceList;
  };
  /** Make a workspace */
  'POST /api/v1/workspaces': {
    body: {
      name: string;
    };
    answer: Workspace;
  };
  /** Accept an invitation */
  'POST /api/v1/workspaces/invitations/accept': {
    body: AcceptInvitationRequest;
    answer: Workspace;
  };
  /** Delete a workspace */
  'DELETE /api/v1/workspaces/{workspaceId}': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    answer: undefined;
  };
  /** Look at a workspace */
  'GET /api/v1/workspaces/{workspaceId}': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    answer: Workspace;
  };
  /** Rename a workspace */
  'PATCH /api/v1/workspaces/{workspaceId}': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    body: {
      name: string;
    };
    answer: Workspace;
  };
  /** List the open invitations */
  'GET /api/v1/workspaces/{workspaceId}/invitations': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    query?: {
      /** A UUID in lower case. */
      cursor?: string;
      limit?: number;
    };
    answer: InvitationList;
  };
  /** Invite somebody */
  'POST /api/v1/workspaces/{workspaceId}/invitations': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    body: InviteRequest;
    answer: InvitationCreated;
  };
  /** Withdraw an invitation */
  'DELETE /api/v1/workspaces/{workspaceId}/invitations/{invitationId}': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
      /** A UUID in lower case. */
      invitationId: string;
    };
    answer: undefined;
  };
  /** List the members */
  'GET /api/v1/workspaces/{workspaceId}/members': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    query?: {
      /** A UUID in lower case. */
      cursor?: string;
      limit?: number;
    };
    answer: MemberList;
  };
  /** Remove a member, or leave */
  'DELETE /api/v1/workspaces/{workspaceId}/members/{accountId}': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
      /** A UUID in lower case. */
      accountId: string;
    };
    answer: undefined;
  };
  /** Change a member's role */
  'PATCH /api/v1/workspaces/{workspaceId}/members/{accountId}': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
      /** A UUID in lower case. */
      accountId: string;
    };
    body: ChangeMemberRequest;
    answer: Member;
  };
  /** What fits into a workspace, and what is in it */
  'GET /api/v1/workspaces/{workspaceId}/quota': {
    params: {
      /** A UUID in lower case. */
      workspaceId: string;
    };
    answer: Quota;
  };
  /** Is it up */
  'GET /health': {
    answer: Health;
  };
  /** How each component is */
  'GET /health/detailed': {
    answer: HealthDetailed;
  };
  /** Liveness */
  'GET /healthz': {
    answer: Health;
  };
  /** Readiness */
  'GET /readyz': {
    answer: Readiness;
  };
}

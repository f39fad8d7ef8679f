/**
 * Checks of what the server answers. The server is not trusted with anything that matters, so its answers are looked
 * at before they are used: a wrong shape is one clear error here instead of a strange one later.
 */
import type {
  Account,
  Challenge,
  ChangeOut,
  Claimed,
  Converted,
  Device,
  DeviceList,
  KeyShare,
  Keys,
  LogEntry,
  Me,
  Pairing,
  PairingStarted,
  Problem,
  PublicJwk,
  PullResponse,
  PushResponse,
  RecoveryMember,
  RefreshResponse,
  SessionOpened,
  SignedIn,
  Tokens,
  Version,
} from '@alcove/contract';

export type Guard<T> = (value: unknown) => value is T;

export const isText = (value: unknown): value is string => typeof value === 'string';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isAny = (_value: unknown): _value is unknown => true;

export const isNothing: Guard<undefined> = (value): value is undefined => value === undefined;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object with (at least) these members. */
function shape<T>(members: Readonly<Record<keyof T, (value: unknown) => boolean>>): Guard<T> {
  const checks = Object.entries<(value: unknown) => boolean>(members);
  return (value): value is T => isRecord(value) && checks.every(([name, check]) => check(value[name]));
}

function listOf<T>(check: Guard<T>): Guard<T[]> {
  return (value): value is T[] => Array.isArray(value) && value.every(check);
}

function optional(check: (value: unknown) => boolean) {
  return (value: unknown) => value === undefined || check(value);
}

function nullable(check: (value: unknown) => boolean) {
  return (value: unknown) => value === null || check(value);
}

function oneOf(...values: readonly string[]) {
  return (value: unknown) => isText(value) && values.includes(value);
}

const isKey: Guard<PublicJwk> = shape<PublicJwk>({ kty: isText });
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Names that are none could run together into the text of another clock, and what is sealed with that would open. */
const isClock = (value: unknown) =>
  isRecord(value) &&
  Object.entries(value).every(([device, counter]) => uuid.test(device) && isCount(counter));
const isKind = oneOf('entry', 'memory', 'tag');

export const isDevice: Guard<Device> = shape<Device>({
  id: isText,
  name: isText,
  platform: isText,
  encryptionKey: isKey,
  signingKey: isKey,
  fingerprint: isText,
  createdAt: isText,
  lastSeenAt: nullable(isText),
  current: isFlag,
  endorsedBy: nullable(isText),
});
export const isDeviceList: Guard<DeviceList> = shape<DeviceList>({
  data: listOf(isDevice),
  nextCursor: nullable(isText),
});
export const isPairedDevice = shape<{ device: Device }>({ device: isDevice });

const isTokens: Guard<Tokens> = shape<Tokens>({
  accessToken: isText,
  refreshToken: isText,
  tokenType: isText,
  expiresInSeconds: isCount,
  refreshExpiresAt: isText,
});
export const isRefreshResponse: Guard<RefreshResponse> = shape<RefreshResponse>({ tokens: isTokens });

const isNamed = shape<{ id: string }>({ id: isText });
const signedIn = { account: isNamed, device: isDevice, workspace: isNamed, tokens: isTokens };
export const isSignedIn: Guard<SignedIn> = shape<SignedIn>(signedIn);

export const isChallenge: Guard<Challenge> = shape<Challenge>({ challenge: isText, expiresAt: isText });
const isAccount: Guard<Account> = shape<Account>({
  id: isText,
  kind: isText,
  email: nullable(isText),
  emailVerified: optional(isFlag),
  displayName: nullable(isText),
  createdAt: isText,
  expiresAt: optional(isText),
});
export const isSessionOpened: Guard<SessionOpened> = shape<SessionOpened>({
  account: isAccount,
  device: optional(isDevice),
  workspace: isNamed,
  tokens: isTokens,
});
export const isConverted: Guard<Converted> = shape<Converted>({ account: isAccount, tokens: isTokens });

const isLogEntry: Guard<LogEntry> = shape<LogEntry>({
  action: oneOf('genesis', 'add', 'revoke'),
  accountId: isText,
  deviceId: isText,
  encryptionKeyThumbprint: isText,
  signingKeyThumbprint: isText,
  previousHash: isText,
  by: isText,
  signature: isText,
});
const isKeyShare: Guard<KeyShare> = shape<KeyShare>({ epoch: isCount, wrapped: isText });

export const isPairingStarted: Guard<PairingStarted> = shape<PairingStarted>({
  id: isText,
  challenge: isText,
  expiresAt: isText,
});
export const isPairing: Guard<Pairing> = shape<Pairing>({ id: isText, status: isText, device: isDevice });
export const isClaimed: Guard<Claimed> = shape<Claimed>({
  ...signedIn,
  keyShares: listOf(isKeyShare),
  endorsement: isLogEntry,
});
export const isKeys: Guard<Keys> = shape<Keys>({
  epoch: isCount,
  shares: listOf(isKeyShare),
  recoveryShares: optional(listOf(isKeyShare)),
  log: listOf(isLogEntry),
  devices: listOf(
    shape<Keys['devices'][number]>({
      id: isText,
      encryptionKey: isKey,
      signingKey: isKey,
      kind: isText,
      revoked: isFlag,
    }),
  ),
});
export const isRecoveryMember: Guard<RecoveryMember> = shape<RecoveryMember>({
  id: isText,
  encryptionKey: isKey,
  signingKey: isKey,
  createdAt: isText,
  blob: nullable(isText),
});
export const isMe: Guard<Me> = shape<Me>({
  account: isNamed,
  session: isNamed,
  device: optional(isDevice),
  workspaces: listOf(isNamed),
});

const version = {
  clock: isClock,
  time: isText,
  deviceId: isText,
  epoch: isCount,
  payload: optional(isText),
  meta: optional(isRecord),
  deleted: isFlag,
};
const isVersion: Guard<Version> = shape<Version>(version);
const isChangeOut: Guard<ChangeOut> = shape<ChangeOut>({
  ...version,
  id: isText,
  kind: isKind,
  op: oneOf('put', 'delete'),
  seq: isCount,
  siblings: optional(listOf(isVersion)),
  conflictId: optional(isText),
});
export const isPullResponse: Guard<PullResponse> = shape<PullResponse>({
  changes: listOf(isChangeOut),
  cursor: isText,
  hasMore: isFlag,
  conflictsOpen: isCount,
  serverTime: isText,
});
export const isPushResponse: Guard<PushResponse> = shape<PushResponse>({
  results: listOf(
    shape<PushResponse['results'][number]>({
      id: isText,
      status: isText,
      seq: optional(isCount),
      code: optional(isText),
      detail: optional(isText),
      current: isAny,
      conflictId: isAny,
    }),
  ),
  cursor: isText,
  serverTime: isText,
  counter: isCount,
  cameWith: optional(isCount),
  warnings: listOf(shape<PushResponse['warnings'][number]>({ code: isText, detail: isText })),
  bytesLeft: isCount,
});

/** A problem as the server renders it. Proxies on the way may answer with something else. */
export const isProblem: Guard<Problem> = shape<Problem>({
  type: isAny,
  title: isText,
  status: isCount,
  detail: isText,
  code: isText,
  requestId: isText,
  errors: optional(listOf(shape<{ pointer: string; detail: string }>({ pointer: isText, detail: isText }))),
});

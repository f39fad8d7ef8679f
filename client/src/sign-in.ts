/** Every way into an account that is not this device's own keys: a password, another service's word, coming as a guest. */
import type { Account, DeviceInput, DeviceProof, SessionOpened, Tokens } from '@alcove/contract';
import { proveDevice, signInByDevice } from './device-sign-in.ts';
import { AlcoveError, hasCode } from './errors.ts';
import { ensureDevice, type IdentityParts, toDeviceInput } from './identity.ts';
import {
  findAccount,
  type IdentityRecord,
  put,
  type Records,
  recordKeys,
  remove,
  type TokensRecord,
} from './records.ts';
import type { StorageWrite } from './storage/storage.ts';
import { replaceTokens, tokensToRecord } from './tokens.ts';

export interface SignInParts extends IdentityParts {
  /** Ends the waiting for other clients of the store. */
  readonly closed: AbortSignal;
}

/** How the store comes in: as a new device, as the one it is already, or as none. */
export type SignInAs = { readonly device?: DeviceInput; readonly known?: DeviceProof };

/**
 * Asks for a session and keeps it. With `asDevice` the store becomes a device of the account as well: the first one
 * begins the device log, a later one waits until it is admitted. A store that is a device already goes on as that one.
 */
export function signInWith(
  parts: SignInParts,
  asDevice: boolean,
  ask: (as: SignInAs) => Promise<SessionOpened>,
): Promise<Account> {
  const { records, keyring, closed } = parts;
  const enter = async () => {
    const identity = await findMember(records);
    if (identity !== undefined) return resumeWith(parts, identity, ask);
    const answer = await ask(asDevice ? { device: toDeviceInput(await ensureDevice(parts)) } : {});
    await keepSession(parts, answer);
    if (asDevice) await keyring.refresh(closed).catch(ignoreWaiting);
    return answer.account;
  };
  return records.withLock('identity', enter, closed);
}

/** A way in that can only lead to another account than the one whose device this store may be. */
export async function requireNoDevice(records: Records): Promise<void> {
  if ((await findMember(records)) === undefined) return;
  throw new AlcoveError(
    'identity.exists',
    'This store is a device of an account already. Use a store of its own for another one.',
  );
}

/** Signs in again as the device that this store is, by its key alone. */
export function resume(parts: SignInParts): Promise<void> {
  const { records, closed } = parts;
  const enter = async () => {
    const tokens = await signInByDevice(parts);
    await replaceTokens(records, () => [put(recordKeys.tokens, tokens)]);
  };
  return records.withLock('identity', enter, closed);
}

async function resumeWith(
  parts: SignInParts,
  { accountId, deviceId }: IdentityRecord,
  ask: (as: SignInAs) => Promise<SessionOpened>,
): Promise<Account> {
  const answer = await ask({ known: await proveDevice(parts) });
  if (answer.account.id !== accountId || answer.device?.id !== deviceId) {
    throw new AlcoveError('protocol', 'The server answered with a session of another device.');
  }
  await renewSession(parts, answer);
  return answer.account;
}

async function findMember(records: Records): Promise<IdentityRecord | undefined> {
  const identity = await records.read(recordKeys.identity);
  return identity?.anchor === undefined ? undefined : identity;
}

/** The account is the same, its tokens are new. */
export async function renewSession(
  { records, now }: SignInParts,
  { account, tokens }: { readonly account: Account; readonly tokens: Tokens },
): Promise<void> {
  await replaceTokens(records, async () => {
    const known = await findAccount(records);
    if (known?.accountId !== account.id) {
      throw new AlcoveError('protocol', 'The server answered with the tokens of another account.');
    }
    return [
      put(recordKeys.account, { ...known, kind: account.kind }),
      put(recordKeys.tokens, tokensToRecord(tokens, account.id, now())),
    ];
  });
}

async function keepSession({ records, now }: SignInParts, answer: SessionOpened): Promise<void> {
  const { account, device, workspace, tokens } = answer;
  const accountId = account.id;
  const workspaceId = workspace.id;
  const identity =
    device === undefined
      ? remove(recordKeys.identity)
      : put(recordKeys.identity, { accountId, deviceId: device.id, workspaceId });
  await replaceTokens(records, async (held) => [
    ...(await leftBehind(records, held, answer)),
    put(recordKeys.tokens, tokensToRecord(tokens, accountId, now())),
    put(recordKeys.account, { accountId, workspaceId, kind: account.kind }),
    identity,
    remove(recordKeys.pairing),
  ]);
}

/** A guest whose things can still be taken over, and a device that waited to be admitted and is another one now. */
async function leftBehind(
  records: Records,
  tokens: TokensRecord | undefined,
  { account, device }: SessionOpened,
): Promise<StorageWrite[]> {
  const before = await findAccount(records);
  const waiting = await records.read(recordKeys.identity);
  const isGuest = before?.kind === 'guest' && before.accountId !== account.id;
  const isReplaced =
    waiting !== undefined && waiting.accountId === account.id && waiting.deviceId !== device?.id;
  return [
    ...(isGuest && tokens !== undefined ? [put(recordKeys.guest, tokens)] : []),
    ...(isReplaced ? [put(recordKeys.superseded, waiting.deviceId)] : []),
  ];
}

/** Signing in has worked; that another device holds the keys is what `identity.keys` tells. */
function ignoreWaiting(error: unknown): void {
  if (!hasCode(error, 'keys.waiting')) throw error;
}

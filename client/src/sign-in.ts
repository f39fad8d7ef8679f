/** Every way into an account that is not this device's own keys: a password, another service's word, coming as a guest. */
import type { Account, DeviceInput, SessionOpened, Tokens } from '@alcove/contract';
import { AlcoveError, hasCode } from './errors.ts';
import { ensureDevice, type IdentityParts, toDeviceInput } from './identity.ts';
import { findAccount, put, type Records, recordKeys, remove } from './records.ts';
import { tokensToRecord } from './session.ts';
import type { StorageWrite } from './storage/storage.ts';

export interface SignInParts extends IdentityParts {
  /** Ends the waiting for other clients of the store. */
  readonly closed: AbortSignal;
}

/**
 * Asks for a session and keeps it. With `asDevice` the store becomes a device of the account as well: the first one
 * begins the device log, a later one waits until it is admitted.
 */
export function signInWith(
  parts: SignInParts,
  asDevice: boolean,
  ask: (device: { device?: DeviceInput }) => Promise<SessionOpened>,
): Promise<Account> {
  const { records, keyring, closed } = parts;
  const enter = async () => {
    await requireNoDevice(records);
    const answer = await ask(asDevice ? { device: toDeviceInput(await ensureDevice(parts)) } : {});
    await keepSession(parts, answer);
    if (asDevice) await keyring.refresh(closed).catch(ignoreWaiting);
    return answer.account;
  };
  return records.withLock('identity', enter, closed);
}

/** The account is the same, its tokens are new. */
export async function renewSession(
  { records, now }: SignInParts,
  { account, tokens }: { readonly account: Account; readonly tokens: Tokens },
): Promise<void> {
  const known = await findAccount(records);
  if (known?.accountId !== account.id) {
    throw new AlcoveError('protocol', 'The server answered with the tokens of another account.');
  }
  const writes = [
    put(recordKeys.account, { ...known, kind: account.kind }),
    put(recordKeys.tokens, tokensToRecord(tokens, account.id, now())),
  ];
  await records.withLock('session', () => records.write(writes));
}

async function requireNoDevice(records: Records): Promise<void> {
  const identity = await records.read(recordKeys.identity);
  if (identity?.anchor === undefined) return;
  throw new AlcoveError(
    'identity.exists',
    'This store is a device of an account already. Use a store of its own to sign in.',
  );
}

async function keepSession({ records, now }: SignInParts, answer: SessionOpened): Promise<void> {
  const { account, device, workspace, tokens } = answer;
  const accountId = account.id;
  const workspaceId = workspace.id;
  const identity =
    device === undefined
      ? remove(recordKeys.identity)
      : put(recordKeys.identity, { accountId, deviceId: device.id, workspaceId });
  await records.withLock('session', async () => {
    await records.write([
      ...(await leftBehind(records, answer)),
      put(recordKeys.tokens, tokensToRecord(tokens, accountId, now())),
      put(recordKeys.account, { accountId, workspaceId, kind: account.kind }),
      identity,
      remove(recordKeys.pairing),
    ]);
  });
}

/** A guest whose things can still be taken over, and a device that waited to be admitted and is another one now. */
async function leftBehind(records: Records, { account, device }: SessionOpened): Promise<StorageWrite[]> {
  const before = await findAccount(records);
  const tokens = await records.read(recordKeys.tokens);
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

/**
 * The recovery key: a member of the device log that 24 words stand for. It gets every epoch key like a device, so that
 * whoever has the words reads the vault again when all devices are lost.
 *
 * A device that comes by the words alone knows nobody. What it trusts is the entry that added the recovery key, which the
 * words vouch for in the blob beside it; the hash chain fixes what stands before it, and signatures prove what follows.
 */
import type { KeyShare, Keys, LogEntry, RecoveryMember } from '@alcove/contract';
import { fromBase64Url } from '@alcove/contract/base64url';
import {
  deviceFingerprint,
  jwkThumbprint,
  logEntryHash,
  recoveryMemberId,
  recoveryText,
} from '@alcove/contract/keys';
import { type DeviceKeys, sign } from './crypto/keys.ts';
import { createRecoveryWords, type RecoveryKeys, readRecoveryWords } from './crypto/recovery-words.ts';
import { activeDevices, hasKeysOf, headOf, signEntry, type VerifiedLog } from './device-log.ts';
import { findRecipients, type Minter, openShares, type Trusted, wrapForAll } from './epoch-shares.ts';
import { AlcoveError, hasCode } from './errors.ts';
import { ensureDevice, fingerprintOf, type IdentityParts, toDeviceInput } from './identity.ts';
import { extend, fetchKeys, isRace, nothingKnown, verifyKeys } from './keyring.ts';
import {
  type EpochRecord,
  type IdentityRecord,
  put,
  type Records,
  recordKeys,
  remove,
  requireDevice,
  requireIdentity,
  requireMember,
} from './records.ts';
import type { Session } from './session.ts';
import { tokensToRecord } from './tokens.ts';
import { isChallenge, isKeys, isRecoveryMember, isSignedIn } from './wire.ts';

const attemptsMax = 5;

/** How the recovery key stands. `unconfirmed`: made on this device, where nobody has typed the words back yet. */
export type RecoveryStatus = 'none' | 'unconfirmed' | 'confirmed';

export interface RecoveryParts extends IdentityParts {
  readonly session: Session;
}

/** Makes a recovery key, in place of the one before. Gives the words, which are kept nowhere. */
export async function createRecovery(parts: RecoveryParts): Promise<string> {
  const words = createRecoveryWords();
  const recovery = await readRecoveryWords(words);
  for (let attempt = 1; ; attempt += 1) {
    await parts.keyring.refresh();
    try {
      await setRecovery(parts, recovery);
      break;
    } catch (error) {
      if (!isRace(error) || attempt >= attemptsMax) throw error;
    }
  }
  await parts.records.write([put(recordKeys.recovery, { id: recovery.id, confirmed: false })]);
  await parts.keyring.refresh();
  return words;
}

/** Throws `recovery.invalid_words`, and `recovery.wrong_words` for those of another account or of an earlier time. */
export async function confirmRecovery({ records, keyring }: RecoveryParts, words: string): Promise<void> {
  const { id } = await readRecoveryWords(words);
  if (!activeDevices(await keyring.log()).has(id)) throw wrongWords();
  await records.write([put(recordKeys.recovery, { id, confirmed: true })]);
}

/** As this device knows it, also offline. On devices that did not make it, a recovery key counts as confirmed. */
export async function readRecoveryStatus(records: Records): Promise<RecoveryStatus> {
  const log = (await records.read(recordKeys.log)) ?? nothingKnown;
  const active = activeDevices(log);
  const members = log.devices.filter(({ id }) => active.has(id));
  const ids = await Promise.all(members.map(async (keys) => recoveryMemberId(await deviceFingerprint(keys))));
  const current = members.find(({ id }, at) => id === ids[at]);
  if (current === undefined) return 'none';
  const made = await records.read(recordKeys.recovery);
  return made?.id === current.id && !made.confirmed ? 'unconfirmed' : 'confirmed';
}

export interface RecoverOptions {
  /** Takes every other device out of the account. */
  readonly revokeOthers: boolean;
}

/**
 * Makes a fresh store a device of the account that the words belong to, and notes who is to go. Goes on where an earlier
 * call stopped, until `endRecovery`.
 */
export async function recover(parts: RecoveryParts, words: string, options: RecoverOptions): Promise<void> {
  const { records, session } = parts;
  const recovery = await readRecoveryWords(words);
  const known = await records.read(recordKeys.identity);
  if (known?.anchor !== undefined) {
    if ((await records.read(recordKeys.recovering))?.id === recovery.id) return;
    throw new AlcoveError(
      'identity.exists',
      'This store is a device of an account already. Use a fresh one.',
    );
  }
  let answer = known === undefined ? undefined : await fetchKeys(session, undefined);
  if (answer?.recoveryShares === undefined) {
    await signInByWords(parts, recovery);
    answer = await fetchKeys(session, undefined);
  }
  for (let attempt = 1; ; attempt += 1) {
    const trusted = await trustByWords(parts, recovery, answer);
    const own = await findOwnEntry(records, trusted.log);
    if (own !== undefined) return adopt(parts, recovery, { ...trusted, own }, options);
    answer = await admitSelf(parts, recovery, trusted.log, answer).catch((error) => {
      if (!isRace(error) || attempt >= attemptsMax) throw error;
      return fetchKeys(session, undefined);
    });
  }
}

/** All that was asked for is done. */
export async function endRecovery({ records }: RecoveryParts): Promise<void> {
  await records.write([remove(recordKeys.recovering)]);
}

async function setRecovery(parts: RecoveryParts, recovery: RecoveryKeys): Promise<void> {
  const { records, keyring, session } = parts;
  const identity = await requireMember(records);
  const minter = await minterOf(records, identity);
  const shown = await fetchKeys(session, undefined);
  const { log } = await verifyKeys(shown, (await keyring.log()) ?? nothingKnown, identity);
  const before = await findRecovery(session);
  const revocation = before && (await revoke(log, before.id, minter));
  const without = revocation === undefined ? log : await extend(log, revocation);
  const endorsement = await endorse(without, recovery, minter);
  const grown = await extend(without, endorsement);
  const { encryption, signing } = recovery.keys;
  const member = { id: recovery.id, encryptionKey: encryption.publicKey, signingKey: signing.publicKey };
  const keyShares: KeyShare[] = [];
  for (const { epoch, key } of await keyring.list()) {
    const [share] = await wrapForAll(minter, { epoch, key: fromBase64Url(key), log: grown }, [member]);
    if (share !== undefined) keyShares.push({ epoch, wrapped: share.wrapped });
  }
  await session.request({
    method: 'PUT',
    path: '/api/v1/sync/recovery',
    answer: isRecoveryMember,
    body: {
      encryptionKey: member.encryptionKey,
      signingKey: member.signingKey,
      endorsement,
      keyShares,
      blob: await recovery.vouchFor(identity.accountId, await logEntryHash(endorsement)),
      ...(revocation === undefined
        ? {}
        : { replaces: { revocation, ...(await nextEpoch(minter, grown, shown, member)) } }),
    },
  });
}

/** A fresh epoch key for all who remain, and for the new recovery key. */
async function nextEpoch(
  minter: Minter,
  log: VerifiedLog,
  shown: Keys,
  member: Omit<Keys['devices'][number], 'kind' | 'revoked'>,
) {
  const epoch = shown.epoch + 1;
  const key = crypto.getRandomValues(new Uint8Array(32));
  const members: Keys['devices'] = [...shown.devices, { ...member, kind: 'recovery', revoked: false }];
  const shares = await wrapForAll(minter, { epoch, key, log }, await findRecipients(log, members));
  return { epoch, shares };
}

async function findRecovery(session: Session): Promise<RecoveryMember | undefined> {
  try {
    return await session.request({ method: 'GET', path: '/api/v1/sync/recovery', answer: isRecoveryMember });
  } catch (error) {
    if (hasCode(error, 'recovery.not_found')) return undefined;
    throw error;
  }
}

async function minterOf(records: Records, { accountId, deviceId }: IdentityRecord): Promise<Minter> {
  const { keys } = await requireDevice(records);
  return { accountId, id: deviceId, signing: keys.signing };
}

async function revoke(
  log: VerifiedLog,
  id: string,
  { id: by, signing }: Minter,
): Promise<LogEntry | undefined> {
  const entry = activeDevices(log).get(id);
  if (entry === undefined) throw untrusted('it names a recovery key that the device log does not');
  return signEntry({ ...entry, action: 'revoke', previousHash: headOf(log), by }, signing);
}

async function endorse(
  log: VerifiedLog,
  { id, keys }: { readonly id: string; readonly keys: DeviceKeys },
  { accountId, id: by, signing }: Minter,
): Promise<LogEntry> {
  const unsigned = {
    action: 'add',
    accountId,
    deviceId: id,
    encryptionKeyThumbprint: await jwkThumbprint(keys.encryption.publicKey),
    signingKeyThumbprint: await jwkThumbprint(keys.signing.publicKey),
    previousHash: headOf(log),
    by,
  } as const;
  return signEntry(unsigned, signing);
}

/** A session of this store's keys as a new device, which the log does not admit yet. */
async function signInByWords(parts: RecoveryParts, { id, keys }: RecoveryKeys): Promise<void> {
  const { records, http, now } = parts;
  const device = await ensureDevice(parts);
  const { challenge } = await http.request({
    method: 'POST',
    path: '/api/v1/auth/challenges',
    body: { deviceId: id },
    answer: isChallenge,
    isRepeatable: true,
  });
  const text = recoveryText(id, challenge, await fingerprintOf(device.keys));
  const signature = await sign(keys.signing, text);
  const answer = await http.request({
    method: 'POST',
    path: '/api/v1/auth/recover',
    body: { device: toDeviceInput(device), memberId: id, challenge, signature },
    answer: isSignedIn,
  });
  const accountId = answer.account.id;
  const workspaceId = answer.workspace.id;
  await records.withLock('session', () =>
    records.write([
      put(recordKeys.identity, { accountId, deviceId: answer.device.id, workspaceId }),
      put(recordKeys.account, { accountId, workspaceId, kind: answer.account.kind }),
      put(recordKeys.tokens, tokensToRecord(answer.tokens, accountId, now())),
    ]),
  );
}

/** What the words prove: the log, and every epoch key that was ever wrapped to them. Throws `keys.untrusted`. */
async function trustByWords(
  { records, session }: RecoveryParts,
  recovery: RecoveryKeys,
  answer: Keys,
): Promise<Trusted & { readonly epochs: readonly EpochRecord[] }> {
  const { accountId } = await requireIdentity(records);
  const entry = answer.log.find(({ action, deviceId }) => action === 'add' && deviceId === recovery.id);
  const { encryption, signing } = recovery.keys;
  const own = { encryptionKey: encryption.publicKey, signingKey: signing.publicKey };
  if (entry === undefined || !(await hasKeysOf(entry, own)))
    throw untrusted('its log does not have the recovery key that the words stand for');
  const anchor = await logEntryHash(entry);
  const { blob } = (await findRecovery(session)) ?? { blob: null };
  if (blob !== (await recovery.vouchFor(accountId, anchor)))
    throw untrusted('the words do not vouch for the log that it shows');
  const trusted = await verifyKeys(answer, nothingKnown, { accountId, anchor });
  if (!activeDevices(trusted.log).has(recovery.id)) throw wrongWords();
  const holder = { accountId, id: recovery.id, anchor, encryption };
  const epochs = await openShares(holder, [], answer.recoveryShares ?? [], trusted);
  if (epochs.length === 0) throw untrusted('it withholds the keys that the words open');
  return { ...trusted, epochs };
}

async function findOwnEntry(records: Records, log: VerifiedLog): Promise<string | undefined> {
  const { deviceId } = await requireIdentity(records);
  const entry = activeDevices(log).get(deviceId);
  const { keys } = await requireDevice(records);
  const own = { encryptionKey: keys.encryption.publicKey, signingKey: keys.signing.publicKey };
  if (entry === undefined) return undefined;
  if (await hasKeysOf(entry, own)) return logEntryHash(entry);
  throw untrusted('its log names other keys for this device');
}

/** The recovery key vouches for this device, which mints the next epoch at once: an entry comes with one. */
async function admitSelf(
  { records, session }: RecoveryParts,
  recovery: RecoveryKeys,
  log: VerifiedLog,
  shown: Keys,
): Promise<Keys> {
  const identity = await requireIdentity(records);
  const { keys } = await requireDevice(records);
  const sponsor = { accountId: identity.accountId, id: recovery.id, signing: recovery.keys.signing };
  const entry = await endorse(log, { id: identity.deviceId, keys }, sponsor);
  const grown = await extend(log, entry);
  const epoch = shown.epoch + 1;
  const key = crypto.getRandomValues(new Uint8Array(32));
  const recipients = await findRecipients(grown, shown.devices);
  const minter = await minterOf(records, identity);
  return session.request({
    method: 'PUT',
    path: '/api/v1/sync/keys',
    body: { epoch, shares: await wrapForAll(minter, { epoch, key, log: grown }, recipients), log: [entry] },
    answer: isKeys,
    isRepeatable: true,
  });
}

/**
 * Everything that the recovery key reads becomes this device's, in one write. So does the wish that others go: were it
 * noted later, a device that was stolen would stay when the program ends in between.
 */
async function adopt(
  { records }: RecoveryParts,
  { id }: RecoveryKeys,
  { log, devices, epochs, own }: Awaited<ReturnType<typeof trustByWords>> & { readonly own: string },
  { revokeOthers }: RecoverOptions,
): Promise<void> {
  const identity = await requireIdentity(records);
  const others = [...activeDevices(log).keys()].filter(
    (other) => other !== identity.deviceId && other !== id,
  );
  await records.write([
    put(recordKeys.identity, { ...identity, anchor: own }),
    put(recordKeys.log, { ...log, devices }),
    put(recordKeys.recovery, { id, confirmed: true }),
    put(recordKeys.recovering, { id }),
    ...(revokeOthers ? [put(recordKeys.revocations, others)] : []),
    ...epochs.map((record) => put(recordKeys.epoch(record.epoch), record)),
  ]);
}

function wrongWords(): AlcoveError {
  const message =
    'These words are whole, but they are not those of this account, or others have taken their place.';
  return new AlcoveError('recovery.wrong_words', message);
}

function untrusted(reason: string): AlcoveError {
  return new AlcoveError(
    'keys.untrusted',
    `What the server shows cannot be trusted: ${reason}. Nothing was taken from it.`,
  );
}

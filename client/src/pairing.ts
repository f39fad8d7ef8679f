/**
 * How a second device joins. The new device shows a code; a device of the account scans it, checks by the fingerprint
 * that the server shows it the same keys, vouches for them in the device log and wraps the epoch keys with the code's
 * secret. The new device believes only what that secret proves.
 */
import type { Claimed, Device, LogEntry, Pairing } from '@alcove/contract';
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { deviceFingerprint, jwkThumbprint, logEntryHash, pairingClaimText } from '@alcove/contract/keys';
import { pollPauseMs, wait } from './backoff.ts';
import { type DeviceKeys, sign } from './crypto/keys.ts';
import { openPairingShare, sealPairingShare } from './crypto/shares.ts';
import { activeDevices, hasKeysOf, signEntry } from './device-log.ts';
import { AlcoveError, hasCode } from './errors.ts';
import type { HttpRequest } from './http.ts';
import { ensureDevice, fingerprintOf, type IdentityParts, toDeviceInput } from './identity.ts';
import type { Keyring } from './keyring.ts';
import {
  createPairingSecret,
  formatPairingCode,
  type PairingCode,
  parsePairingCode,
} from './pairing-code.ts';
import {
  type EpochRecord,
  type LogRecord,
  type PairingRecord,
  put,
  type Records,
  recordKeys,
  remove,
  requireDevice,
  requireIdentity,
} from './records.ts';
import type { Session } from './session.ts';
import { tokensToRecord } from './tokens.ts';
import { isClaimed, isPairedDevice, isPairing, isPairingStarted } from './wire.ts';

const approveAttemptsMax = 5;
const pollMsDefault = 2000;

export interface StartedPairing {
  /** The text of the QR code. It holds a secret: show it to the own other device only. */
  readonly code: string;
  readonly expiresAt: string;
}

export interface PairingStart extends IdentityParts {
  readonly url: string;
}

/** Starts a pairing, or gives back the one that still waits. */
export async function startPairing(parts: PairingStart): Promise<StartedPairing> {
  const { records, now } = parts;
  if (await isMember(records)) {
    throw new AlcoveError(
      'identity.exists',
      'This store is a device of an account already. Pair with a fresh one.',
    );
  }
  const waiting = await records.read(recordKeys.pairing);
  const isOpen = waiting !== undefined && Date.parse(waiting.expiresAt) > now();
  const pairing = isOpen ? waiting : await createPairing(parts);
  const { keys } = await requireDevice(records);
  const code = formatPairingCode({
    pairingId: pairing.id,
    fingerprint: await fingerprintOf(keys),
    secret: fromBase64Url(pairing.secret),
    url: parts.url,
  });
  return { code, expiresAt: pairing.expiresAt };
}

/** Asks until the pairing is approved, then checks everything and stores the identity. */
export async function claimPairing(
  parts: IdentityParts,
  options: { signal?: AbortSignal; pollMs?: number },
): Promise<void> {
  const { records, keyring } = parts;
  if (!(await isMember(records))) await claimOnce(parts, options);
  await keyring.refresh(options.signal);
}

/** Admits the device that showed the code. */
export async function approvePairing(
  parts: { records: Records; session: Session; keyring: Keyring },
  text: string,
): Promise<Device> {
  const code = parsePairingCode(text);
  const { device, status } = await readPairing(parts.session, code.pairingId);
  if ((await deviceFingerprint(device)) !== code.fingerprint) {
    throw new AlcoveError(
      'pairing.fingerprint_mismatch',
      'The server shows other keys for this pairing than the code. It was not approved; do not go on with this server.',
    );
  }
  for (let attempt = 1; ; attempt += 1) {
    await parts.keyring.refresh();
    const log = await parts.keyring.log();
    const entry = log.entries.find(({ deviceId }) => deviceId === device.id);
    if (entry !== undefined) return requireAdmitted(log, entry, device);
    if (status !== 'waiting') throw notOpen(status);
    try {
      await admit(parts, code, device);
    } catch (error) {
      if (!isRace(error) || attempt >= approveAttemptsMax) throw error;
    }
  }
}

/**
 * What an earlier try has admitted needs no second entry. Any other device that the log knows by this id is not the one
 * that showed the code, and an entry with an id that was used before would make the log invalid for good.
 */
async function requireAdmitted(log: LogRecord, entry: LogEntry, device: Device): Promise<Device> {
  if (activeDevices(log).has(device.id) && (await hasKeysOf(entry, device))) return device;
  throw new AlcoveError(
    'keys.untrusted',
    'The server gives the new device the id of one that the device log knows. It was not approved.',
  );
}

async function createPairing(parts: IdentityParts): Promise<PairingRecord> {
  const { records, http } = parts;
  const device = await ensureDevice(parts);
  const { id, challenge, expiresAt } = await http.request({
    method: 'POST',
    path: '/api/v1/auth/pairings',
    body: { device: toDeviceInput(device) },
    answer: isPairingStarted,
    // A lost answer leaves a pairing behind that nobody knows; it expires.
  });
  const secret = toBase64Url(createPairingSecret());
  const pairing = { id, challenge, expiresAt, secret, claimKey: crypto.randomUUID() };
  await records.write([put(recordKeys.pairing, pairing)]);
  return pairing;
}

/** Asks until the pairing is approved, and stores the identity that it brings. */
export async function claimOnce(
  parts: IdentityParts,
  { signal, pollMs = pollMsDefault }: { signal?: AbortSignal; pollMs?: number },
): Promise<void> {
  const { records, now } = parts;
  const pairing = await records.read(recordKeys.pairing);
  if (pairing === undefined) throw notOpen('missing');
  const { keys } = await requireDevice(records);
  const claimed = await awaitApproval(parts, pairing, keys, { signal, pollMs }).catch(async (error) => {
    if (isOver(error)) await forgetPairing(records);
    throw error;
  });
  const endorsementHash = await verifyEndorsement(claimed, keys);
  const epochs = await openPairingShares(claimed, endorsementHash, pairing, keys);
  const accountId = claimed.account.id;
  const waiting = await records.read(recordKeys.identity);
  if (waiting !== undefined && waiting.accountId !== accountId) throw otherAccount();
  const workspaceId = claimed.workspace.id;
  const identity = { accountId, deviceId: claimed.device.id, workspaceId, anchor: endorsementHash };
  const writes = [
    put(recordKeys.identity, identity),
    put(recordKeys.account, { accountId, workspaceId, kind: claimed.account.kind }),
    put(recordKeys.tokens, tokensToRecord(claimed.tokens, accountId, now())),
    ...epochs.map((record) => put(recordKeys.epoch(record.epoch), record)),
    ...(waiting === undefined ? [] : [put(recordKeys.superseded, waiting.deviceId)]),
    remove(recordKeys.pairing),
  ];
  // Another tab that claimed it as well has got the same session, and may have renewed it since.
  await records.withLock('session', () => records.writeIf(recordKeys.pairing, pairing, writes));
}

/** Whether this store's device belongs to an account's device log; one that waits may still be paired. */
async function isMember(records: Records): Promise<boolean> {
  return (await records.read(recordKeys.identity))?.anchor !== undefined;
}

async function awaitApproval(
  { http }: IdentityParts,
  pairing: PairingRecord,
  keys: DeviceKeys,
  { signal, pollMs }: { signal: AbortSignal | undefined; pollMs: number },
): Promise<Claimed> {
  const signature = await sign(keys.signing, pairingClaimText(pairing.id, pairing.challenge));
  const claim: HttpRequest<Claimed> = {
    method: 'POST',
    path: `/api/v1/auth/pairings/${pairing.id}/claim`,
    body: { signature },
    idempotencyKey: pairing.claimKey,
    answer: isClaimed,
    signal,
  };
  for (let attempt = 0; ; attempt += 1) {
    const claimed = await http.request(claim).catch((error) => {
      if (isAskedToWait(error)) return error;
      throw error;
    });
    if (!(claimed instanceof AlcoveError)) return claimed;
    await wait(pollPauseMs(attempt, pollMs, claimed.retryAfterMs), signal);
  }
}

/** The endorsement must be about this very device. Who made it is proven by the shares, which bind its hash. */
async function verifyEndorsement(
  { endorsement, account, device }: Claimed,
  keys: DeviceKeys,
): Promise<string> {
  const own = { encryptionKey: keys.encryption.publicKey, signingKey: keys.signing.publicKey };
  const isAboutUs =
    endorsement.action === 'add' &&
    endorsement.accountId === account.id &&
    endorsement.deviceId === device.id &&
    endorsement.by !== device.id &&
    (await hasKeysOf(endorsement, own));
  if (!isAboutUs) throw untrusted('the endorsement is not about this device and its keys');
  return logEntryHash(endorsement);
}

async function openPairingShares(
  { account, device, keyShares }: Claimed,
  endorsementHash: string,
  pairing: PairingRecord,
  keys: DeviceKeys,
): Promise<EpochRecord[]> {
  if (keyShares.length === 0)
    throw untrusted('no key share proves that the approving device scanned the code');
  const secret = fromBase64Url(pairing.secret);
  const newestEpoch = Math.max(...keyShares.map(({ epoch }) => epoch));
  return Promise.all(
    keyShares.map(async ({ epoch, wrapped }) => {
      const place = {
        account: account.id,
        epoch,
        newestEpoch,
        recipient: device.id,
        endorsementHash,
        pairingId: pairing.id,
      };
      const opened = await openPairingShare(place, wrapped, keys.encryption, secret);
      if (opened?.length !== 32) {
        throw untrusted(
          `the key share of epoch ${epoch} was not made by who scanned the code, or not the newest is among them`,
        );
      }
      return { epoch, key: toBase64Url(opened), logLength: 0 };
    }),
  );
}

function readPairing(session: Session, id: string): Promise<Pairing> {
  return session.request({
    method: 'GET',
    path: `/api/v1/auth/pairings/${id}`,
    answer: isPairing,
  });
}

async function admit(
  { records, session, keyring }: { records: Records; session: Session; keyring: Keyring },
  code: PairingCode,
  device: Device,
): Promise<void> {
  const endorsement = await endorse(records, keyring, device);
  const endorsementHash = await logEntryHash(endorsement);
  const epochs = await keyring.list();
  const common = {
    account: endorsement.accountId,
    newestEpoch: Math.max(...epochs.map(({ epoch }) => epoch)),
    recipient: device.id,
    endorsementHash,
    pairingId: code.pairingId,
  };
  const wrapFor = async ({ epoch, key }: EpochRecord) => {
    const place = { ...common, epoch };
    const wrapped = await sealPairingShare(place, fromBase64Url(key), device.encryptionKey, code.secret);
    return { epoch, wrapped };
  };
  const keyShares = await Promise.all(epochs.map(wrapFor));
  await session.request({
    method: 'POST',
    path: '/api/v1/auth/pair-device',
    body: { pairingId: code.pairingId, keyShares, endorsement },
    answer: isPairedDevice,
  });
}

async function endorse(records: Records, keyring: Keyring, device: Device): Promise<LogEntry> {
  const { accountId, deviceId } = await requireIdentity(records);
  const { keys } = await requireDevice(records);
  const unsigned = {
    action: 'add',
    accountId,
    deviceId: device.id,
    encryptionKeyThumbprint: await jwkThumbprint(device.encryptionKey),
    signingKeyThumbprint: await jwkThumbprint(device.signingKey),
    previousHash: (await keyring.log()).hashes.at(-1) ?? '',
    by: deviceId,
  } as const;
  return signEntry(unsigned, keys.signing);
}

/** A pairing that can never be claimed any more; the next one gets fresh keys, unless a session goes by these. */
async function forgetPairing(records: Records): Promise<void> {
  const isInUse = (await records.read(recordKeys.identity)) !== undefined;
  await records.write([remove(recordKeys.pairing), ...(isInUse ? [] : [remove(recordKeys.device)])]);
}

/** The person has not approved yet, or the server has more to do than it likes: neither ends a pairing. */
function isAskedToWait(error: unknown): error is AlcoveError {
  return hasCode(error, 'pairing.waiting') || (error instanceof AlcoveError && error.status === 429);
}

function isOver(error: unknown): boolean {
  return ['pairing.expired', 'pairing.already_claimed', 'pairing.not_found'].some((code) =>
    hasCode(error, code),
  );
}

function isRace(error: unknown): boolean {
  return ['keys.log_moved', 'keys.incomplete_shares'].some((code) => hasCode(error, code));
}

function notOpen(status: string): AlcoveError {
  return new AlcoveError('pairing.not_open', `This pairing does not wait for approval; it is ${status}.`);
}

function otherAccount(): AlcoveError {
  const message = 'A device of another account approved this pairing. Sign in there, or use a fresh store.';
  return new AlcoveError('identity.exists', message);
}

function untrusted(reason: string): AlcoveError {
  const message = `The approved pairing cannot be trusted: ${reason}. Nothing was taken from it.`;
  return new AlcoveError('keys.untrusted', message);
}

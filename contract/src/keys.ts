/**
 * Public keys and the texts that devices sign. Client and server build each text here, so that both sides sign and
 * check the same bytes.
 */
import { fromBase64Url, toBase64Url } from './base64url.ts';
import type { Device, LogEntry } from './identity.ts';

const utf8 = new TextEncoder();

/** The required members of a public JWK in the order that RFC 7638, section 3.2 gives them. */
const thumbprintMembers: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/** RFC 7638 thumbprint of a public JWK: SHA-256, base64url. */
export async function jwkThumbprint(jwk: { readonly kty: string }): Promise<string> {
  const members = thumbprintMembers[jwk.kty];
  if (members === undefined) throw new TypeError(`no thumbprint is defined for kty ${jwk.kty}`);
  const values = new Map(Object.entries(jwk));
  return sha256Text(
    JSON.stringify(Object.fromEntries(members.map((member) => [member, values.get(member)]))),
  );
}

/** The short name of a device's pair of keys that two people can compare: SHA-256 over both thumbprints. */
export async function deviceFingerprint(keys: Pick<Device, 'encryptionKey' | 'signingKey'>): Promise<string> {
  const [encryption, signing] = await Promise.all([
    jwkThumbprint(keys.encryptionKey),
    jwkThumbprint(keys.signingKey),
  ]);
  return sha256Text(`${encryption}.${signing}`);
}

/** What a new device signs to claim its approved pairing. */
export function pairingClaimText(pairingId: string, challenge: string): string {
  return ['alcove-pairing-claim-v1', pairingId, challenge].join('\n');
}

/**
 * What a device may sign beside a refresh token. It proves that a replay after a lost answer comes from the device
 * itself, so that a dropped connection never costs a session.
 */
export function refreshProofText(refreshToken: string): string {
  return ['alcove-refresh-v1', refreshToken].join('\n');
}

/** What a device that the service knows signs to sign in again. */
export function deviceSignInText(deviceId: string, challenge: string): string {
  return ['alcove-device-sign-in-v1', deviceId, challenge].join('\n');
}

/**
 * What the recovery key signs to let a new device in. It names the keys of that device, so that the signature is worth
 * nothing for another one.
 */
export function recoveryText(memberId: string, challenge: string, deviceFingerprint: string): string {
  return ['alcove-recovery-v1', memberId, challenge, deviceFingerprint].join('\n');
}

/** The id of a recovery key, which follows from the fingerprint of its keys: a UUID of version 8 (RFC 9562). */
export async function recoveryMemberId(fingerprint: string): Promise<string> {
  const digest = fromBase64Url(await sha256Text(`alcove-recovery-member-v1\n${fingerprint}`));
  const bytes = digest.subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What a device signs to prove that its account is to be deleted. */
export function accountDeletionText(challenge: string): string {
  return ['alcove-account-deletion-v1', challenge].join('\n');
}

/** What device `by` signs when it writes an entry of the device log. */
export function logEntryText(entry: Omit<LogEntry, 'signature'>): string {
  return [
    'alcove-device-log-v1',
    entry.action,
    entry.accountId,
    entry.deviceId,
    entry.encryptionKeyThumbprint,
    entry.signingKeyThumbprint,
    entry.previousHash,
    entry.by,
  ].join('\n');
}

/** The hash by which the next entry names this one. */
export function logEntryHash(entry: LogEntry): Promise<string> {
  return sha256Text(`${logEntryText(entry)}\n${entry.signature}`);
}

async function sha256Text(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(text))));
}

import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { describe, expect, it } from 'vitest';
import { createDeviceKeys, type DeviceKeys } from './keys.ts';
import {
  findMintedShare,
  type MintedPlace,
  openMintedShare,
  openPairingShare,
  type PairingPlace,
  sealMintedShare,
  sealPairingShare,
} from './shares.ts';

const epochKey = crypto.getRandomValues(new Uint8Array(32));
const head = toBase64Url(new Uint8Array(32).fill(7));
const minted: MintedPlace = {
  account: '0193f0a0-0000-7000-8000-000000000001',
  epoch: 2,
  recipient: '0193f0a0-0000-7000-8000-00000000000b',
  minter: '0193f0a0-0000-7000-8000-00000000000a',
  logHead: head,
};
const paired: PairingPlace = {
  account: minted.account,
  epoch: 1,
  newestEpoch: 2,
  recipient: minted.recipient,
  endorsementHash: head,
  pairingId: '0193f0a0-0000-7000-8000-0000000000ff',
};
const secret = crypto.getRandomValues(new Uint8Array(32));

async function openAs(wrapped: string, place: MintedPlace, minter: DeviceKeys, recipient: DeviceKeys) {
  const share = findMintedShare(wrapped);
  if (share === undefined) return undefined;
  return openMintedShare(place, share, minter.signing.publicKey, recipient.encryption);
}

describe('a minted share', () => {
  it('opens for its device, names its minter, and fits the wire', async () => {
    const [minter, recipient] = [await createDeviceKeys(), await createDeviceKeys()];
    const wrapped = await sealMintedShare(minted, epochKey, recipient.encryption.publicKey, minter.signing);
    expect(findMintedShare(wrapped)).toMatchObject({ minter: minted.minter, logHead: head });
    expect(await openAs(wrapped, minted, minter, recipient)).toEqual(epochKey);
    expect(wrapped.length).toBeLessThan(4096);
  });

  it('is refused when the server made it: the server has no key in the device log', async () => {
    const [minter, server, recipient] = [
      await createDeviceKeys(),
      await createDeviceKeys(),
      await createDeviceKeys(),
    ];
    const planted = await sealMintedShare(minted, epochKey, recipient.encryption.publicKey, server.signing);
    expect(await openAs(planted, minted, minter, recipient)).toBeUndefined();
  });

  it('opens for no other device', async () => {
    const [minter, recipient, other] = [
      await createDeviceKeys(),
      await createDeviceKeys(),
      await createDeviceKeys(),
    ];
    const wrapped = await sealMintedShare(minted, epochKey, recipient.encryption.publicKey, minter.signing);
    expect(await openAs(wrapped, minted, minter, other)).toBeUndefined();
  });

  it.each<[string, Partial<MintedPlace>]>([
    ['account', { account: '0193f0a0-0000-7000-8000-000000000009' }],
    ['epoch', { epoch: 3 }],
    ['recipient', { recipient: '0193f0a0-0000-7000-8000-00000000000c' }],
    ['log head', { logHead: toBase64Url(new Uint8Array(32)) }],
  ])('does not pass for another %s', async (_what, moved) => {
    const [minter, recipient] = [await createDeviceKeys(), await createDeviceKeys()];
    const wrapped = await sealMintedShare(minted, epochKey, recipient.encryption.publicKey, minter.signing);
    expect(await openAs(wrapped, { ...minted, ...moved }, minter, recipient)).toBeUndefined();
  });

  it.each(['', 'AQ', 'AgAA', '!', 'A'.repeat(400)])('is not taken from the text %j', (text) => {
    expect(findMintedShare(text)).toBeUndefined();
  });
});

describe('a pairing share', () => {
  it('opens for who showed the code', async () => {
    const recipient = await createDeviceKeys();
    const wrapped = await sealPairingShare(paired, epochKey, recipient.encryption.publicKey, secret);
    expect(await openPairingShare(paired, wrapped, recipient.encryption, secret)).toEqual(epochKey);
  });

  it('is refused when its maker did not scan the code', async () => {
    const recipient = await createDeviceKeys();
    const guess = crypto.getRandomValues(new Uint8Array(32));
    const planted = await sealPairingShare(paired, epochKey, recipient.encryption.publicKey, guess);
    expect(await openPairingShare(paired, planted, recipient.encryption, secret)).toBeUndefined();
  });

  it.each<[string, Partial<PairingPlace>]>([
    ['account', { account: '0193f0a0-0000-7000-8000-000000000009' }],
    ['epoch', { epoch: 2 }],
    ['set of epochs', { newestEpoch: 1 }],
    ['device', { recipient: '0193f0a0-0000-7000-8000-00000000000c' }],
    ['endorsement', { endorsementHash: toBase64Url(new Uint8Array(32)) }],
    ['pairing', { pairingId: '0193f0a0-0000-7000-8000-0000000000fe' }],
  ])('does not pass for another %s', async (_what, moved) => {
    const recipient = await createDeviceKeys();
    const wrapped = await sealPairingShare(paired, epochKey, recipient.encryption.publicKey, secret);
    const place = { ...paired, ...moved };
    expect(await openPairingShare(place, wrapped, recipient.encryption, secret)).toBeUndefined();
  });

  it('cannot be downgraded to a form without the secret', async () => {
    const recipient = await createDeviceKeys();
    const wrapped = await sealPairingShare(paired, epochKey, recipient.encryption.publicKey, secret);
    const bytes = fromBase64Url(wrapped);
    bytes[0] = 1;
    expect(await openPairingShare(paired, toBase64Url(bytes), recipient.encryption, secret)).toBeUndefined();
  });
});

describe('recipients', () => {
  it('may have P-256 keys', async () => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    const privateKey = await crypto.subtle.exportKey('jwk', pair.privateKey);
    const publicKey = { kty: 'EC', crv: 'P-256', x: privateKey.x ?? '', y: privateKey.y ?? '' };
    const wrapped = await sealPairingShare(paired, epochKey, publicKey, secret);
    expect(await openPairingShare(paired, wrapped, { publicKey, privateKey }, secret)).toEqual(epochKey);
  });

  it('with RSA keys are refused with a sentence', async () => {
    const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB' };
    await expect(sealPairingShare(paired, epochKey, rsa, secret)).rejects.toMatchObject({
      code: 'keys.unsupported',
      message: expect.stringContaining('RSA'),
    });
  });
});

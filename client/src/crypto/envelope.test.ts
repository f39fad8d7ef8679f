import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { describe, expect, it } from 'vitest';
import { importEpochKey, open, type Place, seal } from './envelope.ts';
import { padmeLength } from './padding.ts';

const text = new TextEncoder().encode('Dined at home in the garret.');
const place: Place = {
  account: '0193f0a0-0000-7000-8000-000000000001',
  kind: 'entry',
  id: '0193f0a0-0000-7000-8000-00000000000a',
  epoch: 1,
  clock: { 'device-a': 2, 'device-b': 1 },
};
const freshKey = () => importEpochKey(crypto.getRandomValues(new Uint8Array(32)));

describe('a sealed version', () => {
  it('opens in its place, whatever the order of its clock', async () => {
    const key = await freshKey();
    const payload = await seal(key, place, text);
    const sameClock = { 'device-b': 1, 'device-a': 2, 'device-c': 0 };
    expect(await open(key, { ...place, clock: sameClock }, payload)).toEqual(text);
  });

  it.each<[string, Partial<Place>]>([
    ['account', { account: '0193f0a0-0000-7000-8000-000000000002' }],
    ['kind', { kind: 'memory' }],
    ['item', { id: '0193f0a0-0000-7000-8000-00000000000b' }],
    ['epoch', { epoch: 2 }],
    ['clock that grew', { clock: { 'device-a': 3, 'device-b': 1 } }],
    ['clock that lost a device', { clock: { 'device-a': 2 } }],
  ])('does not open when the server moves it to another %s', async (_what, moved) => {
    const key = await freshKey();
    const payload = await seal(key, place, text);
    expect(await open(key, { ...place, ...moved }, payload)).toBeUndefined();
  });

  it('does not open with another epoch key', async () => {
    const payload = await seal(await freshKey(), place, text);
    expect(await open(await freshKey(), place, payload)).toBeUndefined();
  });

  it('does not open when any one bit of it changed', async () => {
    const key = await freshKey();
    const bytes = fromBase64Url(await seal(key, place, text));
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await open(key, place, toBase64Url(changed)), `byte ${at}`).toBeUndefined();
    }
  });

  it.each(['', 'AQ', 'not base64url!', 'AAAA'])(
    'is refused as unreadable, not thrown, for %j',
    async (bad) => {
      expect(await open(await freshKey(), place, bad)).toBeUndefined();
    },
  );

  it('shows the server only a padded length', async () => {
    const key = await freshKey();
    for (const length of [0, 1, 500, 513, 40_000]) {
      const payload = await seal(key, place, new Uint8Array(length));
      expect(fromBase64Url(payload).length).toBe(1 + 12 + padmeLength(4 + length) + 16);
    }
  });

  it('is the same payload whoever seals it again, and another for another text or another place', async () => {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const [here, elsewhere] = await Promise.all([importEpochKey(raw), importEpochKey(raw)]);
    const payload = await seal(here, place, text);
    expect(await seal(elsewhere, { ...place, clock: { 'device-b': 1, 'device-a': 2 } }, text)).toBe(payload);
    const others = [
      await seal(here, place, new TextEncoder().encode('Dined at home in the garret!')),
      ...(await Promise.all(
        [{ kind: 'memory' }, { account: 'another' }, { epoch: 2 }, { clock: { 'device-a': 3 } }].map(
          (moved) => seal(here, { ...place, ...moved }, text),
        ),
      )),
    ];
    const nonces = [payload, ...others].map((sealed) => sealed.slice(0, 17));
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it.each([
    [
      'a nonce of its content',
      'AfiGP1m0NCxQiNaCq_ohxURIqXu8_Ah-FTdHtfYJPzzJT6lhbH25Nw5BARC4K4P0WjtS8U7fA_ve7RVFbg',
    ],
    [
      'a nonce of chance, as in older stores',
      'ARSwyef73F1iTUuoZSwLd9-K08F2mTa9cfZYngwb6lZvLuGQA_VZOKax1hqxzecKuZHndS6FiX03jH1Z4A',
    ],
  ])('with %s opens to the text that was sealed', async (_what, payload) => {
    const key = await importEpochKey(Uint8Array.from({ length: 32 }, (_, at) => at));
    expect(await open(key, place, payload)).toEqual(text);
  });

  it('is, for known keys, place and text, this very payload', async () => {
    const key = await importEpochKey(Uint8Array.from({ length: 32 }, (_, at) => at));
    expect(await seal(key, place, text)).toBe(
      'AfiGP1m0NCxQiNaCq_ohxURIqXu8_Ah-FTdHtfYJPzzJT6lhbH25Nw5BARC4K4P0WjtS8U7fA_ve7RVFbg',
    );
  });
});

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
  deviceId: 'device-a',
  time: '2026-11-20T07:16:00.123Z-0000',
  deleted: false,
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
    ['author', { deviceId: 'device-b' }],
    ['time', { time: '2026-11-20T07:16:00.123Z-0001' }],
    [
      'time and author, by a line break',
      { deviceId: 'device-a\n2026-11-20T07:16:00.123Z-0000', time: 'put' },
    ],
    ['op', { deleted: true }],
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
        [
          { kind: 'memory' },
          { account: 'another' },
          { epoch: 2 },
          { clock: { 'device-a': 3 } },
          { deviceId: 'device-b' },
          { time: '2026-11-20T07:16:00.123Z-0001' },
          { deleted: true },
        ].map((moved) => seal(here, { ...place, ...moved }, text)),
      )),
    ];
    const nonces = [payload, ...others].map((sealed) => sealed.slice(0, 17));
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  const wellKnownKey = () => importEpochKey(Uint8Array.from({ length: 32 }, (_, at) => at));

  it.each<[string, Partial<Place>, Uint8Array<ArrayBuffer>, string]>([
    ['text', {}, text, 'Ap41ELAX9YlhFQ6WConblCyCI34uPRtRDODg7YlOBAHja1r9PSZoPaSQQt0Leb3niaGBko6hLd7vpuQb_Q'],
    ['deletion', { deleted: true }, new Uint8Array(), 'ApseUsLBVSrOb3WZNJ3Zhw5WFDtmGcnJ8e9Ebzvv5QEp'],
  ])('is, for known keys, place and %s, this very payload', async (_what, moved, plaintext, payload) => {
    const key = await wellKnownKey();
    expect(await seal(key, { ...place, ...moved }, plaintext)).toBe(payload);
    expect(await open(key, { ...place, ...moved }, payload)).toEqual(plaintext);
  });

  it('opens with whatever nonce it was sealed', async () => {
    const payload = 'AsjJysvMzc7P0NHS0yQSiq9WvPP3iiqKUREZuNiygJ73AeqxD25NQcRoKQMt23qOTOVkrOvPfv0em25QZg';
    expect(await open(await wellKnownKey(), place, payload)).toEqual(text);
  });

  it('of the first form, which named neither author nor time, is not taken for one of this form', async () => {
    const payload = 'AfiGP1m0NCxQiNaCq_ohxURIqXu8_Ah-FTdHtfYJPzzJT6lhbH25Nw5BARC4K4P0WjtS8U7fA_ve7RVFbg';
    const bytes = fromBase64Url(payload);
    bytes[0] = 2;
    for (const form of [payload, toBase64Url(bytes)])
      expect(await open(await wellKnownKey(), place, form)).toBeUndefined();
  });
});

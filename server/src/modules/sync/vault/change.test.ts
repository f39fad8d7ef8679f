import { syncLimits } from '@alcove/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readChange } from './change.ts';
import { change, laptop, phone } from './fixtures/test-vaults.ts';

const clock = { [laptop]: 1 };
const manyDevices = Object.fromEntries(
  Array.from({ length: 1100 }, (_, at) => [`00000000-0000-7000-8000-${String(at).padStart(12, '0')}`, 1]),
);
const longPayload = 'A'.repeat(syncLimits.payloadLengthMax + 4);
const longProof = 'A'.repeat(syncLimits.deletionPayloadLengthMax + 4);

describe('a well-formed change', () => {
  test.each([
    ['entry', change({ clock })],
    ['delete', change({ clock, op: 'delete' })],
    ['the longest proof of a deletion', change({ clock, op: 'delete', payload: longProof.slice(4) })],
    ['an empty payload', change({ clock, payload: '' })],
    ['the largest payload', change({ clock, payload: longPayload.slice(4) })],
    [
      'a memory with meta',
      change({
        clock,
        kind: 'memory',
        meta: { sources: ['entry-0000000000001'], accessCounts: { [phone]: 3 } },
      }),
    ],
    [
      'a tag with meta',
      change({
        clock,
        kind: 'tag',
        meta: { entryId: 'entry-0000000000001', confidence: 0.5, sourceType: 'ai' },
      }),
    ],
    ['the highest counter', change({ clock: { [laptop]: Number.MAX_SAFE_INTEGER } })],
    ['a time a second before the year 10000', change({ clock, time: '9999-12-31T23:59:59.000Z-ffff' })],
  ])('is read as it is: %s', (_, raw) => {
    expect(readChange(raw, laptop)).toEqual({
      ok: true,
      change: { ...raw, deviceId: laptop, namesAuthor: false, atMs: expect.any(Number) },
    });
  });

  test('loses the zeros of its clock, which say nothing', () => {
    const read = readChange(change({ clock: { [phone]: 0, [laptop]: 2 } }), laptop);
    expect(read).toMatchObject({ ok: true, change: { clock: { [laptop]: 2 } } });
    expect(read.ok && Object.keys(read.change.clock)).toEqual([laptop]);
  });
});

describe('a malformed change is refused with the member, what was expected and what came', () => {
  const entry = (members: Record<string, unknown>) => change({ clock, ...members });
  const memory = (meta: unknown) => change({ clock, kind: 'memory', meta });
  const tag = (meta: unknown) => change({ clock, kind: 'tag', meta });

  test.each<[detail: string, raw: unknown]>([
    ['the change must be an object, got null', null],
    ['the change must be an object, got a text of 4 characters', 'text'],
    ['the change must be an object, got a list of 0', []],
    ['colour must not be there, got an unknown member', entry({ colour: 'red' })],
    ['kind must be one of entry, memory, tag, got a text of 5 characters', entry({ kind: 'photo' })],
    ['op must be one of put, delete, got a text of 5 characters', entry({ op: 'merge' })],
    ['id must be 16 to 64 characters of A-Z a-z 0-9 _ -, got a text of 5 characters', entry({ id: 'short' })],
    ['id must be 16 to 64 characters of A-Z a-z 0-9 _ -, got 17', entry({ id: 17 })],
    [
      'id must be 16 to 64 characters of A-Z a-z 0-9 _ -, got a text of 65 characters',
      entry({ id: 'a'.repeat(65) }),
    ],
    ['clock must be an object, got nothing', entry({ clock: undefined })],
    ["clock must count this change in its device's own entry, got no such entry, or 0", entry({ clock: {} })],
    [
      "clock must count this change in its device's own entry, got no such entry, or 0",
      entry({ clock: { [laptop]: 0 } }),
    ],
    [
      "clock must count this change in its device's own entry, got no such entry, or 0",
      entry({ clock: { [phone]: 1 } }),
    ],
    [
      `clock.${phone} must be an integer from 0 to 9007199254740991, got -1`,
      entry({ clock: { ...clock, [phone]: -1 } }),
    ],
    [
      `clock.${laptop} must be an integer from 0 to 9007199254740991, got 1.5`,
      entry({ clock: { [laptop]: 1.5 } }),
    ],
    [
      `clock.${laptop} must be an integer from 0 to 9007199254740991, got 9007199254740992`,
      entry({ clock: { [laptop]: 2 ** 53 } }),
    ],
    [
      `clock.${laptop} must be an integer from 0 to 9007199254740991, got a text of 1 characters`,
      entry({ clock: { [laptop]: '1' } }),
    ],
    [
      'clock must have device ids (UUIDs in lower case) as members, got one of 6 characters',
      entry({ clock: { ...clock, laptop: 1 } }),
    ],
    [
      'clock must have device ids (UUIDs in lower case) as members, got one of 9 characters',
      entry({ clock: JSON.parse(`{"__proto__":{},"${laptop}":1}`) }),
    ],
    ['clock must name at most 1100 devices, got 1101', entry({ clock: { ...manyDevices, [laptop]: 1 } })],
    [
      'time must be a hybrid time such as 2026-11-20T07:16:00.123Z-0000, got a text of 29 characters',
      entry({ time: '2026-02-30T00:00:00.000Z-0000' }),
    ],
    [
      'time must be a hybrid time such as 2026-11-20T07:16:00.123Z-0000, got a text of 20 characters',
      entry({ time: '2026-11-20T07:16:00Z' }),
    ],
    ['epoch must be an integer from 1 to 2147483647, got 0', entry({ epoch: 0 })],
    ['epoch must be an integer from 1 to 2147483647, got nothing', entry({ epoch: undefined })],
    ['payload must be base64url text on put, got nothing', entry({ payload: undefined })],
    [
      'payload must be canonical base64url without padding, got a text of 4 characters',
      entry({ payload: 'YQ==' }),
    ],
    [
      'payload must be canonical base64url without padding, got a text of 4 characters',
      entry({ payload: 'a+b/' }),
    ],
    [
      'payload must be canonical base64url without padding, got a text of 5 characters',
      entry({ payload: 'YWJjZ' }),
    ],
    [
      'payload must be canonical base64url without padding, got a text of 2 characters',
      entry({ payload: 'YR' }),
    ],
    [
      'payload must be canonical base64url without padding, got a text of 8 characters',
      entry({ payload: 'YWJjZGV=' }),
    ],
    [
      'payload must be canonical base64url without padding, got a text of 3 characters',
      entry({ payload: 'YWJ' }),
    ],
    [
      'payload must be canonical base64url without padding, got a text of 3 characters',
      entry({ payload: 'YQ\n' }),
    ],
    ['payload must be base64url text on delete, got null', entry({ op: 'delete', payload: null })],
    [
      'payload must be canonical base64url without padding, got a text of 2 characters',
      entry({ op: 'delete', payload: 'YR' }),
    ],
    ['meta.sources must not be there, got an unknown member', entry({ meta: { sources: [] } })],
    ['meta must be an object, got null', entry({ meta: null })],
    ['meta.entryId must not be there, got an unknown member', memory({ entryId: 'entry-0000000000001' })],
    ['meta.sources must be a list of entry ids, got a text of 1 characters', memory({ sources: 'x' })],
    [
      'meta.sources[0] must be 16 to 64 characters of A-Z a-z 0-9 _ -, got a text of 1 characters',
      memory({ sources: ['x'] }),
    ],
    [
      'meta.sources must name at most 1000 entries, got 1001',
      memory({ sources: Array(1001).fill('entry-0000000000001') }),
    ],
    [
      `meta.accessCounts.${phone} must be an integer from 0 to 9007199254740991, got 0.5`,
      memory({ accessCounts: { [phone]: 0.5 } }),
    ],
    ['meta.accessCounts must be an object, got 3', memory({ accessCounts: 3 })],
    ['meta.confidence must be a number from 0 to 1, got 1.01', tag({ confidence: 1.01 })],
    ['meta.confidence must be a number from 0 to 1, got a text of 1 characters', tag({ confidence: '1' })],
    [
      'meta.sourceType must be one of user, ai, import, got a text of 5 characters',
      tag({ sourceType: 'robot' }),
    ],
    ['meta.entryId must be 16 to 64 characters of A-Z a-z 0-9 _ -, got 3', tag({ entryId: 3 })],
  ])('%s', (detail, raw) => {
    expect(readChange(raw, laptop)).toEqual({ ok: false, code: 'sync.invalid_change', detail });
  });

  test.each([
    ['payload must be at most 655360 characters on put, got 655364', change({ clock, payload: longPayload })],
    [
      'payload must be at most 256 characters on delete, got 260',
      change({ clock, op: 'delete', payload: longProof }),
    ],
  ])('a payload over the limit has a code of its own: %s', (detail, raw) => {
    expect(readChange(raw, laptop)).toEqual({ ok: false, code: 'sync.payload_too_large', detail });
  });

  test('what came is described, never repeated', () => {
    const secret = 'dear diary, today I';
    const read = readChange(change({ clock, id: secret, payload: secret, time: secret }), laptop);
    expect(JSON.stringify(read)).not.toContain('diary');
  });

  test('whatever it is: nothing that JSON can say is a defect', () => {
    const members = [
      'id',
      'kind',
      'op',
      'clock',
      'time',
      'epoch',
      'payload',
      'meta',
      '__proto__',
      'constructor',
    ];
    const broken = fc.tuple(fc.constantFrom(...members), fc.jsonValue()).map(([name, value]) => ({
      ...change({ clock }),
      ...JSON.parse(`{"${name}":${JSON.stringify(value)}}`),
    }));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), broken), (raw) => {
        const read = readChange(raw, laptop);
        if (!read.ok) expect(read.code).toMatch(/^sync\.(invalid_change|payload_too_large)$/);
      }),
    );
  });
});

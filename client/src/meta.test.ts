import { createClient, memoryStorage } from '@alcove/client';
import type { Kind, Meta } from '@alcove/contract';
import { describe, expect, it } from 'vitest';
import { requireMeta } from './meta.ts';

const device = '0193f0a0-0000-7000-8000-00000000000a';
const devices = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [device.slice(0, -4) + String(at).padStart(4, '0'), 1]),
  );

describe('metadata', () => {
  it('that the server would refuse is refused by put', async () => {
    await using client = await createClient({ url: 'http://127.0.0.1:1', storage: memoryStorage() });
    const item = { kind: 'tag', value: 'office', meta: { confidence: 1.5 } } as const;
    await expect(client.vault.put(item)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it.each<[Kind, Meta]>([
    ['entry', {}],
    ['memory', { sources: ['entry-number-one-'], accessCounts: { [device]: 3 } }],
    ['tag', { entryId: 'entry-number-one-', confidence: 1, sourceType: 'import' }],
  ])('of a %s may be %j', (kind, meta) => {
    expect(() => requireMeta(kind, meta)).not.toThrow();
  });

  it('of a memory counts for a thousand devices, and for no more', () => {
    expect(() => requireMeta('memory', { accessCounts: devices(1000) })).not.toThrow();
    expect(() => requireMeta('memory', { accessCounts: devices(1001) })).toThrow('accessCounts');
  });

  it.each<[Kind, unknown, string]>([
    ['entry', { confidence: 1 }, 'confidence'],
    ['memory', { entryId: 'entry-number-one-' }, 'entryId'],
    ['memory', { sources: ['short'] }, 'sources'],
    ['memory', { sources: Array(1001).fill('entry-number-one-') }, 'sources'],
    ['memory', { accessCounts: { laptop: 1 } }, 'accessCounts'],
    ['memory', { accessCounts: { [device]: -1 } }, 'accessCounts'],
    ['tag', { confidence: Number.NaN }, 'confidence'],
    ['tag', { confidence: 1.5 }, 'confidence'],
    ['tag', { sourceType: 'machine' }, 'sourceType'],
    ['tag', null, 'object'],
  ])('of a %s is not %j', (kind, meta, named) => {
    expect(() => requireMeta(kind, Object.assign(meta ?? [], {}))).toThrowError(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(named) }),
    );
  });
});

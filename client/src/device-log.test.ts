import type { LogEntry } from '@alcove/contract';
import { jwkThumbprint, logEntryHash } from '@alcove/contract/keys';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDeviceKeys, type DeviceKeys } from './crypto/keys.ts';
import { activeDevices, headOf, signEntry, type VerifiedLog, verifyLog } from './device-log.ts';

const accountId = '0193f0a0-0000-7000-8000-000000000001';
const ids = { laptop: uuid(10), phone: uuid(11), tablet: uuid(12), server: uuid(13) };
type Name = keyof typeof ids;

let keys: Record<Name, DeviceKeys>;

beforeAll(async () => {
  const [laptop, phone, tablet, server] = await Promise.all(Array.from({ length: 4 }, createDeviceKeys));
  if (!laptop || !phone || !tablet || !server) throw new Error('no keys');
  keys = { laptop, phone, tablet, server };
});

function uuid(last: number): string {
  return `0193f0a0-0000-7000-8000-0000000000${last}`;
}

/** A log written step by step: who does what to whom, optionally signed with somebody else's key. */
async function write(...steps: [LogEntry['action'], Name, Name, Name?][]): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (const [action, subject, by, signer] of steps) {
    const last = entries.at(-1);
    const entry = {
      action,
      accountId,
      deviceId: ids[subject],
      encryptionKeyThumbprint: await jwkThumbprint(keys[subject].encryption.publicKey),
      signingKeyThumbprint: await jwkThumbprint(keys[subject].signing.publicKey),
      previousHash: last === undefined ? '' : await logEntryHash(last),
      by: ids[by],
    };
    entries.push(await signEntry(entry, keys[signer ?? by].signing));
  }
  return entries;
}

function findSigningKey(id: string) {
  const name = Object.entries(ids).find(([, known]) => known === id)?.[0];
  return Object.entries(keys).find(([known]) => known === name)?.[1].signing.publicKey;
}

async function verify(
  entries: readonly LogEntry[],
  trust: { anchorAt?: number; known?: readonly string[]; anchor?: string } = {},
): Promise<VerifiedLog> {
  const anchorEntry = entries[trust.anchorAt ?? 0];
  const anchor = trust.anchor ?? (anchorEntry ? await logEntryHash(anchorEntry) : '');
  return verifyLog(entries, { accountId, anchor, known: trust.known ?? [], findSigningKey });
}

const untrusted = (why: string) => ({ code: 'keys.untrusted', message: expect.stringContaining(why) });

describe('an honest log', () => {
  it('verifies from the own genesis and says who belongs', async () => {
    const log = await verify(
      await write(
        ['genesis', 'laptop', 'laptop'],
        ['add', 'phone', 'laptop'],
        ['add', 'tablet', 'phone'],
        ['revoke', 'phone', 'tablet'],
      ),
    );
    expect([...activeDevices(log).keys()]).toEqual([ids.laptop, ids.tablet]);
    expect([...activeDevices(log, 2).keys()]).toEqual([ids.laptop, ids.phone]);
    expect(headOf(log)).toBe(log.hashes[3]);
  });

  it('may grow behind what was verified before', async () => {
    const entries = await write(['genesis', 'laptop', 'laptop'], ['add', 'phone', 'laptop']);
    const before = await verify(entries.slice(0, 1));
    const after = await verify(entries, { known: before.hashes });
    expect(after.entries).toHaveLength(2);
  });

  it('is verified by a later device from its own entry, though the first device left long ago', async () => {
    const entries = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['revoke', 'laptop', 'phone'],
      ['add', 'tablet', 'phone'],
    );
    await expect(verify(entries, { anchorAt: 3 })).resolves.toMatchObject({ entries });
  });
});

describe('a server that cheats is caught when it', () => {
  it('slips in a device with a signature of its own', async () => {
    const entries = await write(['genesis', 'laptop', 'laptop'], ['add', 'server', 'server']);
    await expect(verify(entries)).rejects.toMatchObject(untrusted('without belonging'));
  });

  it('slips in a device in the name of a real one', async () => {
    const entries = await write(['genesis', 'laptop', 'laptop'], ['add', 'server', 'laptop', 'server']);
    await expect(verify(entries)).rejects.toMatchObject(untrusted('wrong signature'));
  });

  it('shows another public key for the signer', async () => {
    const entries = await write(['genesis', 'laptop', 'laptop'], ['add', 'server', 'laptop', 'server']);
    const anchor = await logEntryHash(entries[0] ?? neverEntry());
    const lie = () => keys.server.signing.publicKey;
    await expect(
      verifyLog(entries, { accountId, anchor, known: [], findSigningKey: lie }),
    ).rejects.toMatchObject(untrusted('another key'));
  });

  it('lets a revoked device add one', async () => {
    const entries = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['revoke', 'phone', 'laptop'],
      ['add', 'server', 'phone'],
    );
    await expect(verify(entries)).rejects.toMatchObject(untrusted('without belonging'));
  });

  it('brings a whole log of its own', async () => {
    const own = await write(['genesis', 'laptop', 'laptop']);
    const foreign = await write(['genesis', 'server', 'server']);
    const anchor = await logEntryHash(own[0] ?? neverEntry());
    await expect(verify(foreign, { anchor })).rejects.toMatchObject(untrusted('by which this device joined'));
  });

  it('forks: another history than the one it showed before', async () => {
    const seen = await verify(
      await write(['genesis', 'laptop', 'laptop'], ['add', 'phone', 'laptop'], ['revoke', 'phone', 'laptop']),
    );
    const fork = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['add', 'tablet', 'phone'],
    );
    await expect(verify(fork, { known: seen.hashes })).rejects.toMatchObject(untrusted('another history'));
  });

  it('shrinks: hides the newest entries, such as a revocation', async () => {
    const entries = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['revoke', 'phone', 'laptop'],
    );
    const seen = await verify(entries);
    await expect(verify(entries.slice(0, 2), { known: seen.hashes })).rejects.toMatchObject(
      untrusted('shorter'),
    );
  });

  it('leaves out an entry in the middle', async () => {
    const entries = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['add', 'tablet', 'laptop'],
    );
    await expect(verify(entries.toSpliced(1, 1))).rejects.toMatchObject(untrusted('does not follow'));
  });

  it('changes a name inside an entry', async () => {
    const entries = await write(['genesis', 'laptop', 'laptop'], ['add', 'phone', 'laptop']);
    const changed = entries.with(1, { ...(entries[1] ?? neverEntry()), deviceId: ids.server });
    await expect(verify(changed)).rejects.toMatchObject(untrusted('wrong signature'));
  });

  it('adds a device twice, brings one back, or begins anew', async () => {
    const twice = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['add', 'phone', 'laptop'],
    );
    await expect(verify(twice)).rejects.toMatchObject(untrusted('twice'));
    const back = await write(
      ['genesis', 'laptop', 'laptop'],
      ['add', 'phone', 'laptop'],
      ['revoke', 'phone', 'laptop'],
      ['add', 'phone', 'laptop'],
    );
    await expect(verify(back)).rejects.toMatchObject(untrusted('twice'));
    const anew = await write(['genesis', 'laptop', 'laptop'], ['genesis', 'phone', 'laptop']);
    await expect(verify(anew)).rejects.toMatchObject(untrusted('misplaced genesis'));
  });

  it('hands over the log of another account', async () => {
    const entries = await write(['genesis', 'laptop', 'laptop']);
    const anchor = await logEntryHash(entries[0] ?? neverEntry());
    await expect(
      verifyLog(entries, { accountId: uuid(99), anchor, known: [], findSigningKey }),
    ).rejects.toMatchObject(untrusted('another account'));
  });
});

function neverEntry(): never {
  throw new Error('the log has no such entry');
}

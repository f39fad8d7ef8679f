/** News are hints: whatever of them is lost, a reader hears of the change all the same. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AccountActor, Ctx, DeviceActor } from '../../../context.ts';
import { createLogger } from '../../../platform/telemetry/index.ts';
import type { VaultHead } from '../vault/head.ts';
import { createLive } from './live.ts';
import type { LiveNews } from './news.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A reader of a vault whose news are in the hands of the test. */
async function listen() {
  let tellVault = (_accountId: string) => {};
  let tellGap = () => {};
  const news: LiveNews = {
    tellVault: (accountId) => tellVault(accountId),
    tellDevices: async () => undefined,
    onVault: (listener) => {
      tellVault = listener;
    },
    onDevices: () => undefined,
    onGap: (listener) => {
      tellGap = listener;
    },
  };
  let seq = 0;
  let isAway = false;
  let looks = 0;
  const readHead = async (): Promise<VaultHead> => {
    looks += 1;
    if (isAway) throw new Error('the vault cannot be reached');
    return { generation: 'one', cursor: String(seq), conflictAt: '' };
  };
  const live = createLive({ news, readHead, log: createLogger({ level: 'silent' }) });
  const actor = { kind: 'account', accountId: 'ada' } as AccountActor as DeviceActor;
  const heard: string[] = [];
  const read = async () => {
    for await (const { type, cursor = '' } of live.follow({ actor } as Ctx<DeviceActor>, undefined, never))
      heard.push(`${type} ${cursor}`.trim());
  };
  void read();
  await vi.advanceTimersByTimeAsync(0);
  expect(heard.splice(0)).toEqual(['changed 0']);
  return {
    heard,
    write() {
      seq += 1;
    },
    setAway(is: boolean) {
      isAway = is;
    },
    looks: () => looks,
    tellVault: () => tellVault('ada'),
    tellGap: () => tellGap(),
  };
}

const never = new AbortController().signal;

test('what was told says once what is the case, however often it is told', async () => {
  const { heard, write, tellVault } = await listen();
  for (let time = 0; time < 3; time += 1) write();
  for (let time = 0; time < 5; time += 1) tellVault();
  await vi.advanceTimersByTimeAsync(0);
  tellVault();
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(['changed 3']);
});

test('a change of which no news came is told within minutes', async () => {
  const { heard, write } = await listen();
  write();
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  expect(heard).toEqual(['changed 1']);
});

test('a change that falls into a gap of the news is told when the gap ends', async () => {
  const { heard, write, tellGap } = await listen();
  write();
  tellGap();
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(expect.arrayContaining(['changed 1', 'device']));
});

test('a vault that could not be looked at is looked at again', async () => {
  const { heard, write, setAway, tellVault } = await listen();
  write();
  setAway(true);
  tellVault();
  await vi.advanceTimersByTimeAsync(1000);
  expect(heard).toEqual([]);
  setAway(false);
  await vi.advanceTimersByTimeAsync(5000);
  expect(heard).toEqual(['changed 1']);
});

test('a vault that cannot be looked at is tried no more often because of many news', async () => {
  const { looks, setAway, tellVault } = await listen();
  setAway(true);
  for (let time = 0; time < 4; time += 1) {
    tellVault();
    await vi.advanceTimersByTimeAsync(0);
  }
  const before = looks();
  await vi.advanceTimersByTimeAsync(5000);
  expect(looks() - before).toBe(1);
});

/** The file of a vault is put back by hand, past the commands: the vault cannot know, and no device loses what it has. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { branch, operatorToken } from './operator.ts';
import { createPeople, syncAll, visible } from './people.ts';

const idOf = (name: string) => `entry-${name}`.padEnd(20, '-');
const entry = (name: string, value: string) => ({ kind: 'entry', id: idOf(name), value }) as const;
const named = (texts: Record<string, string>) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [idOf(name), [text]]));

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ env: { ALCOVE_OPERATOR_TOKEN: operatorToken } });
});
afterAll(() => server.close());

/** The service comes back at another address, as behind a name that stays. */
const url = 'http://vault.test';
const fetchThere: typeof fetch = (input, init) => fetch(String(input).replace(url, server.url), init);

const { registered, joined } = createPeople(() => ({ url, fetch: fetchThere }));

/** Gives the way to put all vaults back to what they are now. */
async function copyFiles(): Promise<() => Promise<void>> {
  const vaults = join(server.dataDir, 'vaults');
  const aside = join(server.dataDir, 'vaults-aside');
  const whileStopped = async (work: () => Promise<void>) => {
    await server.stop();
    await work();
    await server.restart();
  };
  await whileStopped(() => cp(vaults, aside, { recursive: true }));
  return () =>
    whileStopped(async () => {
      await rm(vaults, { recursive: true });
      await cp(aside, vaults, { recursive: true });
    });
}

async function expectEverybodyToSee(texts: Record<string, string>, ...clients: Client[]): Promise<void> {
  for (const client of [...clients, await joined(clients[0] ?? (await registered()))]) {
    expect(await visible(client)).toEqual(named(texts));
    expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
  }
}

it('each device brings back what it wrote, keeps what others wrote, and says what waits for them', async () => {
  const laptop = await registered();
  const phone = await joined(laptop);
  await laptop.vault.put(entry('kept', 'before'));
  await laptop.vault.put(entry('edited', 'before'));
  await syncAll(laptop, phone);
  const putBack = await copyFiles();
  await laptop.vault.put(entry('edited', 'by the laptop'));
  await phone.vault.put(entry('phone', 'by the phone'));
  await laptop.vault.put(entry('laptop', 'by the laptop'));
  await syncAll(laptop, phone, laptop);
  await putBack();

  const texts = { kept: 'before', edited: 'by the laptop', phone: 'by the phone', laptop: 'by the laptop' };
  await laptop.vault.sync();
  expect(await visible(laptop)).toEqual(named(texts));
  expect((await laptop.vault.status()).rejected).toMatchObject([
    { id: idOf('phone'), code: 'sync.invalid_change' },
  ]);
  await syncAll(phone, laptop, phone);
  await expectEverybodyToSee(texts, laptop, phone);
});

it('once it begins a new history, devices bring back what others wrote, and what nobody knew was missing', async () => {
  const laptop = await registered();
  const [phone, tablet] = [await joined(laptop), await joined(laptop)];
  for (const name of ['kept', 'edited', 'doomed']) await laptop.vault.put(entry(name, 'before'));
  await syncAll(laptop, phone, tablet);
  const putBack = await copyFiles();
  await phone.vault.put(entry('phone', 'by the phone'));
  await tablet.vault.put(entry('tablet', 'by the tablet'));
  await syncAll(phone, tablet, laptop);
  await putBack();
  // The phone never comes again, and the tablet not before its place in the feed is taken by other news.
  await laptop.vault.sync();
  await laptop.vault.put(entry('edited', 'by the laptop'));
  await laptop.vault.delete('entry', idOf('doomed'));
  await laptop.vault.put(entry('more', 'by the laptop'));
  await syncAll(laptop, tablet, laptop);
  const missing = ['phone', 'tablet'].map((name) => ({ id: idOf(name), code: 'sync.invalid_change' }));
  expect((await laptop.vault.status()).rejected).toMatchObject(missing);
  expect(Object.keys(await visible(tablet))).toContain(idOf('doomed'));

  await branch(server.url, laptop);
  await syncAll(laptop, tablet, laptop);
  await expectEverybodyToSee(
    {
      kept: 'before',
      edited: 'by the laptop',
      phone: 'by the phone',
      tablet: 'by the tablet',
      more: 'by the laptop',
    },
    laptop,
    tablet,
  );
});

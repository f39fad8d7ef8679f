/** The file of a vault is put back by hand, past the commands: the vault cannot know, and no device loses what it has. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, memoryStorage } from '@alcove/client';
import { startTestServer } from '@alcove/server/testing';
import { expect, it } from 'vitest';
import { openClient, pair, visible } from './people.ts';

const idOf = (name: string) => `entry-${name}`.padEnd(20, '-');
const entry = (name: string, value: string) => ({ kind: 'entry', id: idOf(name), value }) as const;

it('each device brings back what it wrote, keeps what others wrote, and says what waits for them', async () => {
  await using server = await startTestServer();
  // The service comes back at another address, as behind a name that stays.
  const fetchThere: typeof fetch = (input, init) =>
    fetch(String(input).replace('http://vault.test', server.url), init);
  const open = () => openClient('http://vault.test', { storage: memoryStorage(), fetch: fetchThere });
  const [laptop, phone]: [Client, Client] = [await open(), await open()];
  await laptop.register();
  await pair(laptop, phone);
  const syncAll = async (...clients: Client[]) => {
    for (const client of clients) await client.vault.sync();
  };
  await laptop.vault.put(entry('kept', 'before'));
  await laptop.vault.put(entry('edited', 'before'));
  await syncAll(laptop, phone);

  const vaults = join(server.dataDir, 'vaults');
  const aside = join(server.dataDir, 'vaults-aside');
  await server.stop();
  await cp(vaults, aside, { recursive: true });
  await server.restart();
  await laptop.vault.put(entry('edited', 'by the laptop'));
  await phone.vault.put(entry('phone', 'by the phone'));
  await laptop.vault.put(entry('laptop', 'by the laptop'));
  await syncAll(laptop, phone, laptop);
  await server.stop();
  await rm(vaults, { recursive: true });
  await cp(aside, vaults, { recursive: true });
  await server.restart();

  const everything = {
    [idOf('kept')]: ['before'],
    [idOf('edited')]: ['by the laptop'],
    [idOf('phone')]: ['by the phone'],
    [idOf('laptop')]: ['by the laptop'],
  };
  await laptop.vault.sync();
  expect(await visible(laptop)).toEqual(everything);
  expect((await laptop.vault.status()).rejected).toMatchObject([
    { id: idOf('phone'), code: 'sync.invalid_change' },
  ]);
  await syncAll(phone, laptop, phone);
  for (const client of [laptop, phone]) {
    expect(await visible(client)).toEqual(everything);
    expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
  }
  const tablet = await open();
  await pair(laptop, tablet);
  await tablet.vault.sync();
  expect(await visible(tablet)).toEqual(everything);
  await Promise.all([laptop, phone, tablet].map((client) => client.close()));
});

/** The SDK in a real browser: its cryptography, its database, its tabs, its service worker, its network. */
import type { Client } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openClient, visible } from '../people.ts';
import { type AppServer, startAppServer } from './app-server.ts';
import { type Chromium, chromiumIsInstalled, makeProfile, startChromium } from './chromium.ts';

const why = chromiumIsInstalled ? '' : ' (SKIPPED: there is no /usr/bin/chromium on this machine)';

describe.skipIf(!chromiumIsInstalled)(`in Chromium${why}`, () => {
  let app: AppServer;
  let server: TestServer;
  let profile: Awaited<ReturnType<typeof makeProfile>>;
  let chromium: Chromium;
  let context: BrowserContext;
  let laptop: Client;

  beforeAll(async () => {
    app = await startAppServer();
    server = await startTestServer({ env: { ALCOVE_CORS_ORIGINS: app.origin } });
    profile = await makeProfile();
    chromium = await startChromium(profile.path);
  });
  afterAll(async () => {
    await chromium[Symbol.asyncDispose]();
    await profile.remove();
    await server.close();
    await app[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    context = await chromium.browser.newContext();
    laptop = await openClient(server.url);
    await laptop.register();
  });
  afterEach(async () => {
    await context.close();
    await laptop.close();
  });

  /** A tab with a client on the app's store, under `client`. */
  async function openTab(within = context): Promise<Page> {
    const page = await within.newPage();
    await page.goto(app.origin);
    await page.waitForFunction(() => 'alcove' in globalThis);
    await page.evaluate(async (url) => {
      const { createClient, indexedDbStorage } = globalThis.alcove;
      const device = { name: 'Chromium', platform: 'web' } as const;
      globalThis.client = await createClient({ url, storage: indexedDbStorage('journal'), device });
    }, server.url);
    return page;
  }

  /** A tab whose store is a device of the laptop's account. */
  async function joinTab(within = context): Promise<Page> {
    const page = await openTab(within);
    const code = await page.evaluate(async () => {
      globalThis.pairing = await globalThis.client.startPairing();
      return globalThis.pairing.code;
    });
    await laptop.approvePairing(code);
    await page.evaluate(async () => void (await globalThis.pairing.claim({ pollMs: 10 })));
    return page;
  }

  const put = (page: Page, value: unknown) =>
    page.evaluate(async (value) => (await client.vault.put({ kind: 'entry', value })).id, value);
  const sync = (page: Page) => page.evaluate(() => client.vault.sync());
  const status = (page: Page) => page.evaluate(() => client.vault.status());
  const values = (page: Page) =>
    page.evaluate(async () => (await client.vault.list()).map(({ value }) => value).sort());
  const startAutoSync = (page: Page) =>
    page.evaluate(() => void client.vault.startAutoSync({ intervalMs: 3_600_000 }));
  const untilLive = (page: Page) => expect.poll(async () => (await status(page)).live).toBe('connected');
  const laptopValues = async () => {
    await laptop.vault.sync();
    return Object.values(await visible(laptop))
      .flat()
      .sort();
  };

  it('makes its keys, registers, keeps everything over a reload, and is read by another device', async () => {
    const page = await openTab();
    await page.evaluate(async () => void (await client.register()));
    await put(page, { text: 'Up betimes.' });
    await sync(page);
    await put(page, { text: 'not sent yet' });
    await page.close();

    const again = await openTab();
    expect(await status(again)).toMatchObject({ unsynced: 1, isCloned: false });
    await sync(again);
    const phone = await openClient(server.url);
    try {
      const code = await phone.startPairing();
      await again.evaluate(async (text) => void (await client.approvePairing(text)), code.code);
      await code.claim({ pollMs: 10 });
      await phone.vault.sync();
      expect(Object.values(await visible(phone)).flat()).toEqual(
        expect.arrayContaining([{ text: 'Up betimes.' }, { text: 'not sent yet' }]),
      );
    } finally {
      await phone.close();
    }
  });

  it('reads and conflicts with what a device of another kind writes', async () => {
    const page = await joinTab();
    const { id } = await laptop.vault.put({ kind: 'entry', value: 'Dined' });
    await laptop.vault.sync();
    await sync(page);
    expect(await values(page)).toEqual(['Dined']);
    await laptop.vault.put({ kind: 'entry', id, value: 'Dined at home' });
    await laptop.vault.sync();
    const heard = await page.evaluate(async (id) => {
      const conflict = new Promise<unknown[]>((resolve) => {
        client.vault.on('conflict', ({ mine, theirs }) =>
          resolve([mine.value, ...theirs.map(({ value }) => value)]),
        );
      });
      await client.vault.put({ kind: 'entry', id, value: 'Dined abroad' });
      await client.vault.sync();
      return conflict;
    }, id);
    expect(heard).toEqual(['Dined abroad', 'Dined at home']);
  });

  it('keeps the edits of two tabs, sends each once, and lets each tab hear of the other', async () => {
    const [one, other] = [await joinTab(), await openTab()];
    await other.evaluate(() => {
      globalThis.seen = [];
      client.vault.on('change', ({ id, origin }) => void globalThis.seen.push(`${origin} ${id}`));
    });
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        put(at % 2 === 0 ? one : other, `edit ${String(at).padStart(2, '0')}`),
      ),
    );
    const results = await Promise.all([sync(one), sync(other)]);
    expect(results.reduce((sum, { pushed }) => sum + pushed, 0)).toBe(20);
    const expected = Array.from({ length: 20 }, (_, at) => `edit ${String(at).padStart(2, '0')}`);
    expect(await laptopValues()).toEqual(expected);
    expect(await values(other)).toEqual(expected);
    await expect.poll(() => other.evaluate(() => new Set(globalThis.seen).size)).toBe(ids.length);
    expect(await status(one)).toMatchObject({ unsynced: 0, isCloned: false });
  });

  it('hears of other devices in every tab through one connection, also when the tab that held it is closed', async () => {
    const sockets: string[] = [];
    context.on('page', (page) => page.on('websocket', (socket) => sockets.push(socket.url())));
    const [one, other] = [await joinTab(), await openTab()];
    await startAutoSync(one);
    await untilLive(one);
    await startAutoSync(other);
    await untilLive(other);
    await laptop.vault.put({ kind: 'entry', value: 'first' });
    await laptop.vault.sync();
    for (const page of [one, other]) await expect.poll(() => values(page)).toEqual(['first']);
    expect(sockets.length).toBe(1);

    await one.close();
    await expect.poll(() => sockets.length).toBe(2);
    await laptop.vault.put({ kind: 'entry', value: 'second' });
    await laptop.vault.sync();
    await expect.poll(() => values(other)).toEqual(['first', 'second']);
  });

  it('loses nothing that was stored when a tab crashes in the middle of writing', async () => {
    const stored: number[] = [];
    const page = await joinTab();
    const other = await openTab();
    await page.exposeFunction('tellStored', (at: number) => stored.push(at));
    const writing = page.evaluate(async () => {
      for (let at = 0; ; at += 1) {
        await client.vault.put({ kind: 'entry', value: at });
        await globalThis.tellStored(at);
      }
    });
    writing.catch(() => undefined);
    await expect.poll(() => stored.length).toBeGreaterThan(20);
    const session = await context.newCDPSession(page);
    void session.send('Page.crash').catch(() => undefined);
    await new Promise<void>((resolve) => page.once('crash', () => resolve()));

    await sync(other);
    expect(await status(other)).toMatchObject({ unsynced: 0, isCloned: false });
    expect(await laptopValues()).toEqual(expect.arrayContaining([...stored]));
  });

  it('loses nothing that was stored when the whole browser is killed', async () => {
    const own = await makeProfile();
    const stored: number[] = [];
    {
      await using mortal = await startChromium(own.path);
      const [within] = mortal.browser.contexts();
      const page = await joinTab(within);
      await page.exposeFunction('tellStored', (at: number) => stored.push(at));
      const writing = page.evaluate(async () => {
        client.vault.startAutoSync({ intervalMs: 50 });
        for (let at = 0; ; at += 1) {
          await client.vault.put({ kind: 'entry', value: at });
          await globalThis.tellStored(at);
        }
      });
      writing.catch(() => undefined);
      await expect.poll(() => stored.length).toBeGreaterThan(20);
      await mortal.kill();
    }
    await using again = await startChromium(own.path);
    const page = await openTab(again.browser.contexts()[0]);
    await sync(page);
    expect(await status(page)).toMatchObject({ unsynced: 0, isCloned: false });
    expect(await laptopValues()).toEqual(expect.arrayContaining([...stored]));
    await again.kill();
    await own.remove();
  });

  it('syncs in a service worker, which has no window and no document', async () => {
    const page = await joinTab();
    await put(page, 'written by the page');
    const answer = await page.evaluate(async (url) => {
      await navigator.serviceWorker.register('/service-worker.js', { type: 'module' });
      const { active } = await navigator.serviceWorker.ready;
      return new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        active?.postMessage({ url, name: 'journal' }, [port2]);
      });
    }, server.url);
    expect(answer).toMatchObject({ pushed: 1 });
    expect(await status(page)).toMatchObject({ unsynced: 0 });
    expect(await laptopValues()).toEqual(['written by the page']);
  });

  it('syncs when the browser wakes the service worker, with no page left', async () => {
    const page = await joinTab();
    await put(page, 'left behind');
    await page.evaluate(
      async ([script, order]) => {
        const registration = await navigator.serviceWorker.register(script, { type: 'module' });
        await navigator.serviceWorker.ready;
        // Background Sync, of which the types of the DOM know nothing.
        await Reflect.get(registration, 'sync').register(order);
      },
      ['/service-worker.js', JSON.stringify({ url: server.url, name: 'journal' })] as const,
    );
    await page.close();
    await expect.poll(laptopValues).toEqual(['left behind']);
  });

  it('writes offline, and sends it as soon as there is a network again', async () => {
    const page = await joinTab();
    await startAutoSync(page);
    await untilLive(page);
    await context.setOffline(true);
    await put(page, 'written on a train');
    await expect.poll(async () => (await status(page)).lastError !== undefined).toBe(true);
    expect(await values(page)).toEqual(['written on a train']);
    expect(await status(page)).toMatchObject({ unsynced: 1 });
    await context.setOffline(false);
    await expect.poll(async () => (await status(page)).unsynced).toBe(0);
    expect(await laptopValues()).toEqual(['written on a train']);
  });
});

/** What the tests keep in a page. */
declare global {
  var client: Client;
  var pairing: Awaited<ReturnType<Client['startPairing']>>;
  var seen: string[];
  var tellStored: (at: number) => Promise<void>;
}

/**
 * The SDK in one screen: write on one device, read on another, with a server between them that cannot.
 *
 *     npm start                          # in one terminal
 *     npx node examples/quickstart.ts    # in another; takes the server's address as its argument
 */
import assert from 'node:assert/strict';
import { createClient, memoryStorage } from '@alcove/client';

const url = process.argv[2] ?? 'http://127.0.0.1:8080';

// A device is a store with a name. In an app it is `sqliteStorage(path)` or, in a browser, `indexedDbStorage(name)`.
await using laptop = await createClient({
  url,
  storage: memoryStorage(),
  device: { name: 'Laptop', platform: 'linux' },
});

// An account is made of this device's keys: no name, no mail, no password. The private halves never leave it.
const { accountId } = await laptop.register();
console.log(`The laptop registered account ${accountId}.`);

// Writing works without a network; `sync` sends what waits, sealed.
const { id } = await laptop.vault.put({
  kind: 'entry',
  value: { text: 'Up betimes, and to the office.', tags: ['work'] },
});
const { pushed } = await laptop.vault.sync();
console.log(`The laptop sent ${pushed} sealed entry.`);

// A second device joins: it shows a QR code, the laptop scans it and hands over the keys past the server.
await using phone = await createClient({
  url,
  storage: memoryStorage(),
  device: { name: 'Phone', platform: 'android' },
});
const pairing = await phone.startPairing();
await laptop.approvePairing(pairing.code);
await pairing.claim();

await phone.vault.sync();
const entry = await phone.vault.get('entry', id);
assert.deepEqual(entry?.value, { text: 'Up betimes, and to the office.', tags: ['work'] });
console.log('The phone reads the same entry.');

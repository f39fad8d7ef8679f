import { createClient, memoryStorage } from '@alcove/client';
import { startTestServer } from '@alcove/server/testing';
import { expect, test } from 'vitest';
import { createNetwork } from '../network.ts';
import { requireEqual } from './journal.ts';

const first = '00000000-0000-4000-8000-000000000001';
const second = '00000000-0000-4000-8000-000000000002';

test('a device passes only with exactly the entries that were written', async () => {
  await using server = await startTestServer();
  await using client = await createClient({ url: server.url, storage: memoryStorage() });
  await client.register();
  await client.vault.put({ kind: 'entry', id: first, value: { text: 'one' } });
  await client.vault.put({ kind: 'entry', id: second, value: { text: 'two' } });
  const device = { name: 'phone', client, network: createNetwork(), listKeys: async () => [] };
  const check = (...expected: [string, unknown][]) => requireEqual(device, new Map(expected));

  await check([first, { text: 'one' }], [second, { text: 'two' }]);
  await expect(check([first, { text: 'one' }])).rejects.toThrow('0 missing, 1 too many, 0 different');
  await expect(check([first, { text: 'one' }], [second, { text: 'two ' }])).rejects.toThrow(
    `0 missing, 0 too many, 1 different (for example ${second})`,
  );
  await expect(
    check([first, { text: 'one' }], [second, { text: 'two' }], [`${second}3`, { text: 'three' }]),
  ).rejects.toThrow('the entries on the phone are not those that were written: 1 missing, 0 too many');
});

test('a network that is cut carries nothing until it is restored', async () => {
  await using server = await startTestServer();
  const network = createNetwork();
  network.cut();
  await expect(network.fetch(`${server.url}/health`)).rejects.toThrow('the network is switched off');
  network.restore();
  expect((await network.fetch(`${server.url}/health`)).status).toBe(200);
});

/** A vault forgets deletions once every device has stored them. What a device had not sent by then still arrives. */
import { createClient, memoryStorage } from '@alcove/client';
import { startTestServer } from '@alcove/server/testing';
import { expect, it } from 'vitest';
import { visible } from './people.ts';

it('sends an edit that waited while later ones were deleted and forgotten, as its next one', async () => {
  await using server = await startTestServer({ env: { ALCOVE_LIMIT_VAULT_BYTES: '3000' } });
  const storage = memoryStorage();
  // The service comes back at another address, as behind a name that stays.
  const toServer: typeof fetch = (input, init) =>
    fetch(String(input).replace('http://vault.test', server.url), init);
  const client = await createClient({ url: 'http://vault.test', storage, fetch: toServer });
  await client.register();
  const large = await client.vault.put({ kind: 'entry', value: { text: 'x'.repeat(5000) } });
  await client.vault.sync();
  const small = await client.vault.put({ kind: 'entry', value: { text: 'short' } });
  await client.vault.sync();
  await client.vault.delete('entry', small.id);
  await client.vault.sync();
  // The next pull acknowledges what this one has stored.
  await client.vault.sync();
  expect((await client.vault.status()).unsynced).toBe(1);

  await server.restart({});
  await client.vault.sync();
  expect((await client.vault.status()).unsynced).toBe(0);
  expect(await visible(client)).toEqual({ [large.id]: [{ text: 'x'.repeat(5000) }] });
  await client.close();
});

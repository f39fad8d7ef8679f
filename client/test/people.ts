/** Clients of one person, for tests. */
import { type Client, type ClientOptions, createClient, memoryStorage } from '@alcove/client';
import { afterEach } from 'vitest';

/** A client that does not wait between its tries. */
export function openClient(url: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  return createClient({ url, storage: memoryStorage(), random: () => 0, timeoutMs: 10_000, ...options });
}

type Options = Partial<ClientOptions>;

/** The clients of a file of tests, which are closed after the test that opened them. */
export function createPeople(defaults: () => Options & Pick<ClientOptions, 'url'>) {
  const opened: Client[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((client) => client.close()));
  });
  async function open(options: Options = {}): Promise<Client> {
    const { url, ...rest } = defaults();
    const client = await openClient(url, { ...rest, ...options });
    opened.push(client);
    return client;
  }
  return {
    open,
    /** A client of a new account. */
    async registered(options: Options = {}): Promise<Client> {
      const client = await open(options);
      await client.register();
      return client;
    },
    /** A new device that joins the account of `known` and has pulled everything. */
    async joined(known: Client, options: Options = {}): Promise<Client> {
      const fresh = await open(options);
      await pair(known, fresh);
      await fresh.vault.sync();
      return fresh;
    },
  };
}

export async function syncAll(...clients: Client[]): Promise<void> {
  for (const client of clients) await client.vault.sync();
}

/** Pairs `fresh` with the account of `known`. */
export async function pair(known: Client, fresh: Client): Promise<void> {
  const pairing = await fresh.startPairing();
  await known.approvePairing(pairing.code);
  await pairing.claim({ pollMs: 10 });
}

/** A new device that joins the account of `known` and has pulled everything. */
export async function joinWith(
  known: Client,
  url: string,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const fresh = await openClient(url, options);
  await pair(known, fresh);
  await fresh.vault.sync();
  return fresh;
}

/** What a person sees: every living value by id, with those that stand beside it. */
export async function visible(client: Client): Promise<Record<string, unknown[]>> {
  const seen: Record<string, unknown[]> = {};
  for (const item of await client.vault.list()) {
    const versions = [item, ...(item.conflict ?? [])].filter(({ deleted }) => !deleted);
    seen[item.id] = versions.map(({ value }) => value).sort();
  }
  return seen;
}

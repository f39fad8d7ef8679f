/** Devices in somebody's hands: clients over stores in memory, with a clock that may be wrong and a network that may fail. */
import { type Client, memoryStorage, type Storage } from '@alcove/client';
import { faultyFetch, type NetworkFault } from '../faults.ts';
import { openClient } from '../people.ts';

/** Where the devices live, and a time that only the history moves. */
export interface World {
  readonly url: () => string;
  readonly now: () => number;
}

/** What a device does not choose. */
interface Circumstances {
  /** By how much its clock is wrong. */
  skewMs: number;
  /** What happens to which of the requests that follow. */
  fault: { readonly kind: NetworkFault; in: number } | undefined;
}

export interface Hand {
  client: Client;
  readonly storage: Storage;
  readonly circumstances: Circumstances;
  /** Numbers of the edits that were made on it. */
  readonly made: Set<number>;
  /** Those of them that the vault is not known to have. */
  readonly pending: Set<number>;
  /** Those of them that a restored vault may lack, since this device has not synced with it yet. */
  readonly unreturned: Set<number>;
}

export async function openHand(world: World, storage = memoryStorage()): Promise<Hand> {
  const circumstances = { skewMs: 0, fault: undefined };
  const client = await open(world, storage, circumstances);
  return { client, storage, circumstances, made: new Set(), pending: new Set(), unreturned: new Set() };
}

/** As after a crash or an update: nothing is left but the store. */
export async function restart(world: World, hand: Hand): Promise<void> {
  await hand.client.close();
  hand.client = await open(world, hand.storage, hand.circumstances);
}

/** Another device with everything that this one holds, keys and queue included, as a copied disk has it. */
export async function copyHand(world: World, hand: Hand): Promise<Hand> {
  const [from, storage] = [await hand.storage.open(), memoryStorage()];
  const to = await storage.open();
  await to.write((await from.scan('')).map(([key, value]) => ({ key, value })));
  await Promise.all([from.close(), to.close()]);
  const copy = await openHand(world, storage);
  for (const number of hand.pending) {
    copy.made.add(number);
    copy.pending.add(number);
  }
  return copy;
}

function open(world: World, storage: Storage, circumstances: Circumstances): Promise<Client> {
  const fetch = faultyFetch(() => {
    const { fault } = circumstances;
    if (fault === undefined || fault.in-- > 0) return undefined;
    circumstances.fault = undefined;
    return fault.kind;
  });
  return openClient(world.url(), { storage, fetch, now: () => world.now() + circumstances.skewMs });
}

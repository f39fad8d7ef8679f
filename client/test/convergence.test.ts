/**
 * Three devices, any order of edits, syncs, broken connections and restarts: in the end all show the same, and exactly
 * what nobody has superseded. The model is a few sets; it knows nothing of clocks.
 */
import { type Client, createClient, memoryStorage, type Storage } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultyFetch, type NetworkFault } from './faults.ts';
import { openClient, pair, visible } from './people.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const deviceCount = 3;
const ids = ['item-number-one--', 'item-number-two--'];

type Step =
  | { readonly do: 'put' | 'delete'; readonly device: number; readonly item: number }
  | {
      readonly do: 'sync';
      readonly device: number;
      readonly fault: NetworkFault | undefined;
      readonly at: number;
    }
  | { readonly do: 'restart'; readonly device: number };

const device = fc.nat(deviceCount - 1);
const item = fc.nat(ids.length - 1);
const fault = fc.constantFrom<(NetworkFault | undefined)[]>(
  undefined,
  'cut',
  'lost-answer',
  'doubled',
  'torn-answer',
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant<'put'>('put'), device, item }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant<'delete'>('delete'), device, item }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant<'sync'>('sync'), device, fault, at: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant<'restart'>('restart'), device }) },
);

/** One device with its store, whose network can be told to fail. */
interface Hand {
  client: Client;
  readonly storage: Storage;
  plan: { fault: NetworkFault; in: number } | undefined;
}

async function createHand(): Promise<Hand> {
  const storage = memoryStorage();
  const hand: Hand = { client: await openHand(storage, () => hand), storage, plan: undefined };
  return hand;
}

function openHand(storage: Storage, hand: () => Hand): Promise<Client> {
  const fetch = faultyFetch(() => {
    const { plan } = hand();
    if (plan === undefined || plan.in-- > 0) return undefined;
    hand().plan = undefined;
    return plan.fault;
  });
  return openClient(server.url, { storage, fetch });
}

/** Which edits are alive: those that no other edit was made on. */
function createModel() {
  const edits = new Map<string, { item: string; isPut: boolean }>();
  const superseded = new Set<string>();
  return {
    add(name: string, edit: { item: string; isPut: boolean }, seen: readonly string[]) {
      edits.set(name, edit);
      for (const old of seen) superseded.add(old);
    },
    living: (): Record<string, string[]> => {
      const living: Record<string, string[]> = {};
      for (const [name, edit] of edits) {
        if (edit.isPut && !superseded.has(name))
          living[edit.item] = [...(living[edit.item] ?? []), name].sort();
      }
      return living;
    },
  };
}

async function run(steps: readonly Step[], hands: readonly Hand[]): Promise<Record<string, string[]>> {
  const model = createModel();
  for (const [at, next] of steps.entries()) {
    const hand = hands[next.device];
    if (hand === undefined) throw new Error('no such device');
    if (next.do === 'sync') await syncOnce(hand, next);
    else if (next.do === 'restart') await restart(hand);
    else await edit(hand, next.do, ids[next.item] ?? '', `edit ${at}`, model);
  }
  return model.living();
}

/** Looks, then writes: what was on the screen is what the edit supersedes. */
async function edit(
  { client }: Hand,
  what: 'put' | 'delete',
  id: string,
  name: string,
  model: ReturnType<typeof createModel>,
): Promise<void> {
  const shown = await client.vault.get('entry', id);
  const seen = [shown, ...(shown?.conflict ?? [])].flatMap((version) =>
    typeof version?.value === 'string' ? [version.value] : [],
  );
  if (what === 'put') await client.vault.put({ kind: 'entry', id, value: name });
  else await client.vault.delete('entry', id);
  model.add(name, { item: id, isPut: what === 'put' }, seen);
}

async function syncOnce(
  hand: Hand,
  { fault, at }: { fault: NetworkFault | undefined; at: number },
): Promise<void> {
  hand.plan = fault === undefined ? undefined : { fault, in: at };
  await hand.client.vault.sync();
  hand.plan = undefined;
}

async function restart(hand: Hand): Promise<void> {
  await hand.client.close();
  hand.client = await openHand(hand.storage, () => hand);
}

async function settle(hands: readonly Hand[]): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    for (const { client } of hands) await client.vault.sync();
  }
}

it('devices converge to exactly the edits that nobody has superseded', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
      const hands = await Promise.all(Array.from({ length: deviceCount }, createHand));
      try {
        const [first, ...others] = hands;
        if (first === undefined) throw new Error('no device');
        await first.client.register();
        for (const { client } of others) await pair(first.client, client);
        const living = await run(steps, hands);
        await settle(hands);
        for (const { client } of hands) {
          expect(await visible(client)).toEqual(living);
          expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [], isCloned: false });
        }
        await using late = await createClient({ url: server.url, storage: memoryStorage(), random: () => 0 });
        await pair(first.client, late);
        await late.vault.sync();
        expect(await visible(late)).toEqual(living);
      } finally {
        await Promise.all(hands.map(({ client }) => client.close()));
      }
    }),
    { numRuns: Number(process.env.CONVERGENCE_RUNS ?? 25) },
  );
}, 120_000);

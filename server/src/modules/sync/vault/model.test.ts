/**
 * The vault against the shortest statement of its rule that there is: of all versions that were ever accepted, an item
 * holds those that no other has seen. The model keeps them all and looks.
 */
import { type Change, type ChangeOut, compareClocks, mergeClocks, type VectorClock } from '@alcove/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  home,
  laptop,
  phone,
  startTestVaults,
  type TestVault,
  type TestVaults,
  tablet,
  textPayload,
} from './fixtures/test-vaults.ts';

let vaults: TestVaults;
beforeAll(async () => {
  vaults = await startTestVaults();
});
afterAll(() => vaults[Symbol.asyncDispose]());

const items = [
  { id: 'entry-0000000000000', kind: 'entry' },
  { id: 'memory-000000000000', kind: 'memory' },
  { id: 'tag-000000000000000', kind: 'tag' },
] as const;
const deviceIds = [laptop, phone, tablet];

/** A device: what it has seen of each item, what it has not pushed yet, and what it pushed once. */
interface Device {
  readonly id: string;
  readonly seen: Map<string, VectorClock>;
  readonly queue: Change[];
  readonly pushed: Change[];
  counter: number;
  cursor: string | undefined;
  /** The vault as this device knows it from its own pulls. */
  readonly replica: Map<string, ChangeOut>;
}

const step = fc.record({
  device: fc.nat(deviceIds.length - 1),
  // Mostly one item at a time: concurrent versions are what this is about.
  item: fc.constantFrom(0, 0, 0, 0, 1, 2),
  act: fc.constantFrom('put', 'put', 'put', 'delete', 'push', 'push', 'push', 'repeat', 'pull'),
  minute: fc.nat(59),
});

test('holds exactly the versions that no other has seen, and every device learns of them by its own pulls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), async (steps) => {
      const vault = await vaults.create();
      const devices = deviceIds.map(createDevice);
      const accepted: Change[] = [];
      for (const { device: at, item: which, act, minute } of steps) {
        const [device, item] = [devices[at], items[which]];
        if (device === undefined || item === undefined) throw new Error('no such device or item');
        if (act === 'put' || act === 'delete') edit(device, item, act, minute);
        if (act === 'push') await pushAndCheck(vault, device, device.queue.splice(0), accepted);
        if (act === 'repeat') await pushAndCheck(vault, device, device.pushed.slice(-3), accepted);
        if (act === 'pull') await pull(vault, device);
      }
      for (const device of devices) await pull(vault, device);
      checkHeld(await vault.pullAll(laptop, 1), accepted);
      for (const device of devices) checkHeld([...device.replica.values()], accepted);
    }),
    // Elsewhere the rule is the same, and each step is a journey.
    { numRuns: home === 'remote' ? 15 : 200 },
  );
});

function createDevice(id: string): Device {
  return { id, seen: new Map(), queue: [], pushed: [], counter: 0, cursor: undefined, replica: new Map() };
}

function edit(device: Device, item: (typeof items)[number], op: 'put' | 'delete', minute: number): void {
  device.counter += 1;
  const clock = { ...device.seen.get(item.id), [device.id]: device.counter };
  const time = `2026-11-20T07:${String(minute).padStart(2, '0')}:00.000Z-0000`;
  const payload = textPayload(`${device.id} ${device.counter}`);
  device.queue.push({ ...item, op, clock, time, epoch: 1, ...(op === 'put' ? { payload } : {}) });
  device.seen.set(item.id, clock);
}

async function pushAndCheck(
  vault: TestVault,
  device: Device,
  changes: Change[],
  accepted: Change[],
): Promise<void> {
  const { results } = await vault.push(device.id, changes);
  device.pushed.push(...changes);
  for (const [position, change] of changes.entries()) {
    expect(results[position]?.status).toBe(expectedStatus(change, accepted));
    if (!['duplicate', 'stale'].includes(results[position]?.status ?? '')) accepted.push(change);
  }
}

function expectedStatus(change: Change, accepted: readonly Change[]): string {
  const others = accepted.filter(({ id }) => id === change.id);
  const orders = others.map((other) => compareClocks(change.clock, other.clock));
  if (orders.includes('dominated')) return 'stale';
  if (orders.includes('equal')) return 'duplicate';
  const held = maximal([...others, change]);
  if (held.length === 1) return 'applied';
  return change.kind === 'entry' && held.some(({ op }) => op === 'put') ? 'conflict' : 'merged';
}

function maximal(versions: readonly Change[]): Change[] {
  return versions.filter((a) => !versions.some((b) => compareClocks(b.clock, a.clock) === 'dominates'));
}

async function pull(vault: TestVault, device: Device): Promise<void> {
  let hasMore = true;
  while (hasMore) {
    const page = await vault.pull(device.id, {
      limit: 2,
      ...(device.cursor === undefined ? {} : { cursor: device.cursor }),
    });
    for (const item of page.changes) {
      device.replica.set(item.id, item);
      const clocks = [item, ...(item.siblings ?? [])].map(({ clock }) => clock);
      device.seen.set(item.id, mergeClocks(device.seen.get(item.id) ?? {}, ...clocks));
    }
    device.cursor = page.cursor;
    hasMore = page.hasMore;
  }
}

/** Items that a first pull leaves out are those of which nothing but deletions is held. */
function checkHeld(pulled: readonly ChangeOut[], accepted: readonly Change[]): void {
  for (const item of items) {
    const expected = maximal(accepted.filter(({ id }) => id === item.id));
    const shown = pulled.find(({ id }) => id === item.id);
    if (shown === undefined) expect(expected.every(({ op }) => op === 'delete')).toBe(true);
    else expect(contents([shown, ...(shown.siblings ?? [])])).toEqual(contents(expected));
  }
}

function contents(versions: readonly { clock: VectorClock; payload?: string }[]): string[] {
  return versions
    .map(({ clock, payload }) => JSON.stringify([Object.entries(clock).sort(), payload ?? null]))
    .sort();
}

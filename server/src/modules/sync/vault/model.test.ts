/**
 * The vault against the shortest statement of its rules that there is: of all versions that were ever accepted, an item
 * holds those that no other has seen. The model keeps them all and looks; only what every device has stored as deleted it
 * forgets, but for the counters.
 */
import {
  type Change,
  type ChangeOut,
  compareClocks,
  mergeClocks,
  type PushResult,
  type VectorClock,
} from '@alcove/contract';
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

/** What was accepted, what of it was forgotten, and whether somebody has to decide about the entry. */
interface Model {
  accepted: Change[];
  forgotten: VectorClock;
  policy: 'manual' | 'last-writer-wins';
  isOpen: boolean;
}

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
  act: fc.constantFrom(
    ...(['put', 'put', 'put', 'delete', 'push', 'push', 'push', 'repeat', 'pull'] as const),
    ...(['pull', 'erase', 'tidy', 'policy', 'resolve'] as const),
  ),
  minute: fc.nat(59),
});

test('holds exactly the versions that no other has seen, and every device learns of them by its own pulls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), async (steps) => {
      const vault = await vaults.create();
      const devices = deviceIds.map(createDevice);
      const model: Model = { accepted: [], forgotten: {}, policy: 'manual', isOpen: false };
      for (const { device: at, item: which, act, minute } of steps) {
        const [device, item] = [devices[at], items[which]];
        if (device === undefined || item === undefined) throw new Error('no such device or item');
        if (act === 'put' || act === 'delete') edit(device, item, act, minute);
        if (act === 'push') await pushAndCheck(vault, device, device.queue.splice(0), model);
        if (act === 'repeat') await pushAndCheck(vault, device, device.pushed.slice(-3), model);
        if (act === 'pull') await pull(vault, device);
        if (act === 'erase') await erase(vault, device, item, model);
        if (act === 'tidy') await tidy(vault, devices, model);
        if (act === 'policy') await changePolicy(vault, model);
        if (act === 'resolve') await resolve(vault, device, model);
        await checkStatus(vault, model);
      }
      for (const device of devices) await pull(vault, device);
      checkHeld(await vault.pullAll(laptop, 1), model);
      for (const device of devices) checkHeld([...device.replica.values()], model);
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
  model: Model,
): Promise<void> {
  const { results } = await vault.push(device.id, changes);
  device.pushed.push(...changes);
  for (const [position, change] of changes.entries()) {
    expect(results[position]?.status).toBe(expectedStatus(change, model));
    accept(model, change, results[position]);
  }
}

function accept(model: Model, change: Change, result: PushResult | undefined): void {
  if (result === undefined || ['duplicate', 'stale', 'rejected'].includes(result.status)) return;
  model.accepted.push(change);
  if (change.kind === 'entry') model.isOpen = result.status === 'conflict';
}

function expectedStatus(change: Change, { accepted, forgotten, policy }: Model): string {
  const others = accepted.filter(({ id }) => id === change.id);
  const orders = others.map((other) => compareClocks(change.clock, other.clock));
  if (orders.includes('dominated')) return 'stale';
  if (orders.includes('equal')) return 'duplicate';
  if (['equal', 'dominated'].includes(compareClocks(change.clock, forgotten))) return 'rejected';
  const held = maximal([...others, change]);
  if (held.length === 1) return 'applied';
  const isForPerson = change.kind === 'entry' && policy === 'manual';
  return isForPerson && held.some(({ op }) => op === 'put') ? 'conflict' : 'merged';
}

/** Deletes what everybody sees, so that there is something to forget. */
async function erase(
  vault: TestVault,
  device: Device,
  item: (typeof items)[number],
  model: Model,
): Promise<void> {
  await pull(vault, device);
  edit(device, item, 'delete', 59);
  await pushAndCheck(vault, device, device.queue.splice(0), model);
}

/** Every device stores everything; then what is deleted goes, and its clock stays behind. */
async function tidy(vault: TestVault, devices: readonly Device[], model: Model): Promise<void> {
  for (const device of devices) {
    await pull(vault, device);
    await vault.pull(device.id, { cursor: device.cursor ?? '', acknowledged: device.cursor ?? '' });
  }
  const gone = items.filter(({ id }) => isGone(model, id)).map(({ id }) => id as string);
  expect(await vault.tidy(deviceIds)).toBe(gone.length);
  const clocks = model.accepted.filter(({ id }) => gone.includes(id)).map(({ clock }) => clock);
  model.forgotten = mergeClocks(model.forgotten, ...clocks);
  model.accepted = model.accepted.filter(({ id }) => !gone.includes(id));
}

const heldOf = ({ accepted }: Model, id: string) => maximal(accepted.filter((change) => change.id === id));
const isGone = (model: Model, id: string) =>
  heldOf(model, id).length > 0 && heldOf(model, id).every(({ op }) => op === 'delete');

async function changePolicy(vault: TestVault, model: Model): Promise<void> {
  model.policy = model.policy === 'manual' ? 'last-writer-wins' : 'manual';
  if (model.policy === 'last-writer-wins') model.isOpen = false;
  await vault.setPolicy(model.policy);
}

async function resolve(vault: TestVault, device: Device, model: Model): Promise<void> {
  const [conflict] = (await vault.conflicts()).data;
  expect(conflict !== undefined).toBe(model.isOpen);
  if (conflict === undefined) return;
  device.seen.set(
    conflict.itemId,
    mergeClocks(device.seen.get(conflict.itemId) ?? {}, ...conflict.versions.map(({ clock }) => clock)),
  );
  const waiting = device.queue.splice(0);
  edit(device, items[0], 'put', 30);
  const [change] = device.queue.splice(0);
  if (change === undefined) throw new Error('an edit was made');
  const result = await vault.resolve(device.id, conflict.id, { change });
  expect(result.status).toBe('applied');
  accept(model, change, result);
  device.pushed.push(change);
  device.queue.push(...waiting);
}

async function checkStatus(vault: TestVault, model: Model): Promise<void> {
  const live = items.filter(({ id }) => heldOf(model, id).some(({ op }) => op === 'put'));
  expect(await vault.status()).toMatchObject({
    items: live.length,
    conflictsOpen: model.isOpen ? 1 : 0,
    policy: { entries: model.policy },
  });
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

/** Items that a first pull leaves out are those of which nothing but deletions is held, or was until it was forgotten. */
function checkHeld(pulled: readonly ChangeOut[], model: Model): void {
  for (const item of items) {
    const expected = heldOf(model, item.id);
    const shown = pulled.find(({ id }) => id === item.id);
    const versions = shown === undefined ? [] : [shown, ...(shown.siblings ?? [])];
    if (expected.length === 0) expect(versions.every(({ deleted }) => deleted)).toBe(true);
    else if (shown === undefined) expect(expected.every(({ op }) => op === 'delete')).toBe(true);
    else expect(contents(versions)).toEqual(contents(expected));
  }
}

function contents(versions: readonly { clock: VectorClock; payload?: string }[]): string[] {
  return versions
    .map(({ clock, payload }) => JSON.stringify([Object.entries(clock).sort(), payload ?? null]))
    .sort();
}

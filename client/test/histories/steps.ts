/** What may happen to a vault and its devices, one thing after the other. */
import type { Client } from '@alcove/client';
import fc from 'fast-check';
import type { NetworkFault } from '../faults.ts';
import { pair } from '../people.ts';
import { copyHand, type Hand, openHand, restart, type World } from './hands.ts';
import type { Item, Model } from './model.ts';

const handsMax = 5;
const minuteMs = 60_000;
const dayMinutes = 24 * 60;
/** One entry is in everybody's way: versions made at once are what this is about. */
const items: readonly Item[] = [
  { kind: 'entry', id: 'entry-of-everybody' },
  { kind: 'entry', id: 'entry-number-two--' },
  { kind: 'memory', id: 'memory-number-one-' },
  { kind: 'tag', id: 'tag-number-one----' },
];

/** One thing that happens. Numbers choose among what there is by then, so that a shorter history is one too. */
export type Step =
  | { readonly do: 'put' | 'same' | 'delete'; readonly by: number; readonly item: number }
  | { readonly do: 'resolve'; readonly by: number; readonly toDeletion: boolean }
  | {
      readonly do: 'sync';
      readonly by: number;
      readonly fault: NetworkFault | undefined;
      readonly at: number;
    }
  | { readonly do: 'restart' | 'copy' | 'join'; readonly by: number }
  | { readonly do: 'revoke'; readonly by: number; readonly other: number }
  | { readonly do: 'backup' }
  | { readonly do: 'restore' }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'skew'; readonly by: number; readonly minutes: number };

const by = fc.nat(handsMax - 1);
const item = fc.constantFrom(0, 0, 0, 1, 2, 2, 3);
const fault = fc.constantFrom<(NetworkFault | undefined)[]>(
  undefined,
  undefined,
  'cut',
  'lost-answer',
  'doubled',
  'torn-answer',
  'unavailable',
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant<'put'>('put'), by, item }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant<'same'>('same'), by, item }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant<'delete'>('delete'), by, item }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant<'resolve'>('resolve'), by, toDeletion: fc.boolean() }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant<'sync'>('sync'), by, fault, at: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('restart', 'copy', 'join'), by }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant<'revoke'>('revoke'), by, other: by }) },
  { weight: 2, arbitrary: fc.constantFrom<Step[]>({ do: 'backup' }, { do: 'restore' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant<'wait'>('wait'),
      minutes: fc.constantFrom(1, 90, dayMinutes, 200 * dayMinutes),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant<'skew'>('skew'),
      by,
      minutes: fc.constantFrom(0, -30, 3, 365 * dayMinutes),
    }),
  },
);

/** A history: how many devices there are at its beginning, and what happens to them. */
export const anyHistory = fc.record({
  devices: fc.integer({ min: 2, max: 3 }),
  steps: fc.array(anyStep, { minLength: 8, maxLength: 40 }),
});

/** What the operator does with the account's vault. */
export interface Operator {
  /** The name of the account's vault, once it has one. */
  findVault(): Promise<string | undefined>;
  backUp(): Promise<void>;
  /** Puts the last copy back, if there is one, and says so. */
  restore(): Promise<boolean>;
}

/** A vault in the middle of its history. */
export interface Stage {
  readonly world: World & { forward(ms: number): void };
  readonly operator: Operator;
  readonly model: Model;
  /** Devices of the account. */
  readonly hands: Hand[];
  /** Devices that were revoked. */
  readonly gone: Hand[];
}

export async function take(stage: Stage, step: Step, number: number): Promise<void> {
  stage.world.forward(1000);
  if (step.do === 'wait') return stage.world.forward(step.minutes * minuteMs);
  if (step.do === 'backup') return stage.operator.backUp();
  if (step.do === 'restore') return restore(stage);
  const hand = choose(stage.hands, step.by);
  switch (step.do) {
    case 'put':
      return edit(stage, hand, choose(items, step.item), `edit ${number}`);
    case 'same':
      return edit(stage, hand, choose(items, step.item), 'the same');
    case 'delete':
      return edit(stage, hand, choose(items, step.item), undefined);
    case 'resolve':
      return resolve(stage, hand, step.toDeletion ? undefined : `resolution ${number}`);
    case 'sync':
      return syncWith(hand, step.fault, step.at);
    case 'restart':
      return restart(stage.world, hand);
    case 'copy':
      return copy(stage, hand);
    case 'join':
      return join(stage, hand);
    case 'revoke':
      return revoke(stage, hand, choose(stage.hands, step.other));
    case 'skew':
      hand.circumstances.skewMs = step.minutes * minuteMs;
  }
}

/**
 * Syncs to the end. What was waiting is in the vault then, or waits for another device, which has to bring first what it was made
 * on: a vault was put back, long ago.
 */
export async function syncOnce({ client, pending, unreturned }: Hand) {
  const { pushed, pulled } = await client.vault.sync();
  const { unsynced, rejected } = await client.vault.status();
  if (unsynced > 0) return { isMoving: true, waiting: JSON.stringify(rejected) };
  pending.clear();
  unreturned.clear();
  return { isMoving: pushed + pulled > 0, waiting: undefined };
}

/** Looks, then writes: what is on the screen is what the edit is made on. */
async function edit(stage: Stage, hand: Hand, item: Item, text: string | undefined): Promise<void> {
  const { vault } = hand.client;
  const shown = await vault.get(item.kind, item.id);
  const seen = textsOf([shown, ...(shown?.conflict ?? [])]);
  const meta = item.kind === 'memory' ? { accessCounts: withOneMore(shown?.meta, hand.client) } : undefined;
  if (text === undefined) await vault.delete(item.kind, item.id);
  else await vault.put({ ...item, value: text, ...(meta === undefined ? {} : { meta }) });
  note(stage, hand, { item, text, seen, counts: text === undefined ? undefined : meta?.accessCounts });
}

async function resolve(stage: Stage, hand: Hand, text: string | undefined): Promise<void> {
  const { vault } = hand.client;
  const [conflict] = await vault.conflicts();
  if (conflict === undefined) return;
  await vault.resolve(conflict, text === undefined ? null : { value: text });
  const { kind, id, mine, theirs } = conflict;
  note(stage, hand, { item: { kind, id }, text, seen: textsOf([mine, ...theirs]), counts: undefined });
}

interface Noted {
  readonly item: Item;
  readonly text: string | undefined;
  readonly seen: readonly string[];
  readonly counts: Readonly<Record<string, number>> | undefined;
}

function note({ model }: Stage, hand: Hand, { item, text, seen, counts }: Noted): void {
  const number = model.add({
    item,
    seen,
    ...(text === undefined ? {} : { text }),
    ...(counts === undefined ? {} : { counts }),
  });
  hand.made.add(number);
  hand.pending.add(number);
}

/** The fault strikes one request; the client tries again by itself. */
async function syncWith(hand: Hand, kind: NetworkFault | undefined, at: number): Promise<void> {
  hand.circumstances.fault = kind === undefined ? undefined : { kind, in: at };
  await syncOnce(hand);
  hand.circumstances.fault = undefined;
}

/** What waits in both stores at once may come from either, so it may stand beside what one of them made of it. */
async function copy(stage: Stage, hand: Hand): Promise<void> {
  if (stage.hands.length >= handsMax) return;
  stage.model.fork(hand.pending);
  stage.hands.push(await copyHand(stage.world, hand));
}

async function join(stage: Stage, hand: Hand): Promise<void> {
  if (stage.hands.length >= handsMax) return;
  await syncOnce(hand);
  const fresh = await openHand(stage.world);
  await pair(hand.client, fresh.client);
  stage.hands.push(fresh);
}

/** With a device goes every copy of its store that has not become a device of its own. */
async function revoke(stage: Stage, hand: Hand, other: Hand): Promise<void> {
  await syncOnce(hand);
  const id = other.client.identity?.deviceId;
  if (id === undefined || id === hand.client.identity?.deviceId) return;
  await hand.client.revokeDevice(id);
  const revoked = stage.hands.filter(({ client }) => client.identity?.deviceId === id);
  for (const each of revoked) {
    stage.model.doubt(each.pending);
    stage.model.doubt(each.unreturned);
    stage.hands.splice(stage.hands.indexOf(each), 1);
    stage.gone.push(each);
  }
}

/**
 * What the copy lacks comes back from the devices, and only from those that are there and sync before they are revoked. Of
 * two stores that are one device the vault goes on with one. The other brings back what it had sent: that somebody made an
 * edit on top of it, or on top of what the first one numbers alike, looks the same to it.
 */
async function restore({ operator, model, hands, gone }: Stage): Promise<void> {
  if (!(await operator.restore())) return;
  const ids = hands.map(({ client }) => client.identity?.deviceId);
  for (const [at, { made }] of hands.entries())
    if (ids.indexOf(ids[at]) !== ids.lastIndexOf(ids[at])) model.fork(made);
  for (const { made } of gone) model.doubt(made);
  for (const { made, unreturned } of hands) for (const number of made) unreturned.add(number);
}

function textsOf(versions: readonly ({ readonly value: unknown } | undefined)[]): string[] {
  return versions.flatMap((version) => (typeof version?.value === 'string' ? [version.value] : []));
}

function withOneMore(meta: object | undefined, { identity }: Client): Record<string, number> {
  const counts: Record<string, number> =
    meta !== undefined && 'accessCounts' in meta ? { ...Object(meta.accessCounts) } : {};
  const deviceId = identity?.deviceId ?? '';
  return { ...counts, [deviceId]: (counts[deviceId] ?? 0) + 1 };
}

function choose<T>(list: readonly T[], number: number): T {
  const chosen = list[number % list.length];
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}

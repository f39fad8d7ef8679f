/**
 * Histories of a vault: two to five devices that edit, sync over broken connections, restart, are copied, join and are
 * revoked, with clocks that are wrong. In the end everybody shows the same, nothing that was acknowledged is lost, and
 * nothing more moves. A failure prints its seed, and the shortest history that fails.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change, ChangeOut, Version } from '@alcove/contract';
import { compareClocks } from '@alcove/contract/clock';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Hand, openHand } from './histories/hands.ts';
import { createModel, type Expected, nameOf } from './histories/model.ts';
import { openerWith, readRows } from './histories/rows.ts';
import { anyHistory, type Operator, type Stage, type Step, syncOnce, take } from './histories/steps.ts';
import { backUp, findVault, operatorToken } from './operator.ts';
import { pair } from './people.ts';

const isLong = process.env.ALCOVE_TEST_LONG === '1';
/** More rounds than it takes news to reach everybody, and what follows from them to come back. */
const roundsMax = 8;

let nowMs = Date.parse('2026-11-20T07:00:00.000Z');
const world = {
  url: () => server.url,
  now: () => nowMs,
  forward(ms: number) {
    nowMs += ms;
  },
};
let server: TestServer;

let copies: string;

beforeAll(async () => {
  server = await startTestServer({ clock: world, env: { ALCOVE_OPERATOR_TOKEN: operatorToken } });
  copies = await mkdtemp(join(tmpdir(), 'alcove-histories-'));
});
afterAll(async () => {
  await server.close();
  await rm(copies, { recursive: true });
});

it('whatever happens to them, devices come to show the same, and nothing that was acknowledged is lost', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, ({ devices, steps }) => live(devices, steps)),
    isLong
      ? { numRuns: 1000, interruptAfterTimeLimit: 600_000 }
      : // The same each time, so that what is red is so by what was changed; the long form looks for new ones.
        { numRuns: 12, seed: 20_261_120, interruptAfterTimeLimit: 30_000 },
  );
}, 900_000);

async function live(devices: number, steps: readonly Step[]): Promise<void> {
  const first = await openHand(world);
  const stage: Stage = {
    world,
    operator: createOperator(first),
    model: createModel(),
    hands: [first],
    gone: [],
  };
  try {
    await first.client.register();
    for (let at = 1; at < devices; at += 1) await addDevice(stage);
    for (const [number, step] of steps.entries()) await take(stage, step, number);
    await comeToRest(stage);
    await check(stage);
  } finally {
    for (const { client } of [...stage.hands, ...stage.gone]) await client.close();
  }
}

/** A new device of the first one's account. */
async function addDevice({ hands }: Stage): Promise<Hand> {
  const fresh = await openHand(world);
  hands.push(fresh);
  const [first] = hands;
  if (first === undefined) throw new Error('nobody is there');
  await pair(first.client, fresh.client);
  return fresh;
}

/** Of whoever has this device: a vault keeps its name. */
function createOperator({ client }: Hand): Operator {
  let putBack: (() => Promise<void>) | undefined;
  const find = () => findVault(server.url, client);
  return {
    findVault: find,
    async backUp() {
      if ((await find()) !== undefined) putBack = await backUp(server.url, client, copies);
    },
    async restore() {
      await putBack?.();
      return putBack !== undefined;
    },
  };
}

/** Everybody is online, until nothing moves any more. */
async function comeToRest({ hands }: Stage): Promise<void> {
  for (const { circumstances } of hands) circumstances.skewMs = 0;
  let waiting: (string | undefined)[] = [];
  for (let round = 0; round < roundsMax; round += 1) {
    const rounds = [];
    for (const hand of hands) rounds.push(await syncOnce(hand));
    if (!rounds.some(({ isMoving }) => isMoving)) return;
    waiting = rounds.map((one) => one.waiting);
  }
  throw new Error(`after ${roundsMax} rounds something still moves, or waits: ${waiting.join()}`);
}

async function check(stage: Stage): Promise<void> {
  const { hands, gone, model } = stage;
  const expected = model.expected();
  const last = await addDevice(stage);
  await comeToRest(stage);
  const screens = await Promise.all(hands.map(screenOf));
  for (const screen of screens) {
    expectWithin(screen.shown, expected);
    expect(screen).toEqual(screens[0]);
  }
  const [first] = hands;
  if (first === undefined) throw new Error('nobody is left');
  expectCounts(screens[0]?.counts ?? {}, expected.counts);
  await expectFeed(first, screens[0]?.conflicts ?? 0);
  await expectRows(stage, first, screens[0]?.shown ?? {});
  await first.client.revokeDevice(last.client.identity?.deviceId ?? '');
  for (const revoked of [...gone, last]) await expectShutOut(stage, revoked, first);
}

interface Screen {
  /** The different texts of each item. */
  readonly shown: Record<string, string[]>;
  /** The text that stands first. */
  readonly leading: Record<string, unknown>;
  readonly counts: Record<string, unknown>;
  readonly conflicts: number;
}

async function screenOf({ client: { vault } }: Hand): Promise<Screen> {
  const screen: Screen = { shown: {}, leading: {}, counts: {}, conflicts: (await vault.conflicts()).length };
  for (const item of await vault.list()) {
    const versions = [item, ...(item.conflict ?? [])].filter(({ deleted }) => !deleted);
    screen.shown[nameOf(item)] = [...new Set(versions.map(({ value }) => String(value)))].sort();
    screen.leading[nameOf(item)] = item.value;
    if (item.meta !== undefined && 'accessCounts' in item.meta)
      screen.counts[nameOf(item)] = item.meta.accessCounts;
  }
  return screen;
}

function expectWithin(shown: Screen['shown'], { required, allowed }: Expected): void {
  for (const [name, texts] of Object.entries(required)) {
    expect(shown[name] ?? [], `${name} has lost something`).toEqual(expect.arrayContaining([...texts]));
  }
  for (const [name, texts] of Object.entries(shown)) {
    expect(allowed[name] ?? [], `${name} shows what was superseded`).toEqual(expect.arrayContaining(texts));
  }
}

/** Of memories that are shown; those of a deleted one are nobody's business. */
function expectCounts(counts: Screen['counts'], expected: Expected['counts']): void {
  for (const [name, shown] of Object.entries(counts)) {
    for (const [device, count] of Object.entries(expected[name] ?? {})) {
      expect(Object(shown)[device], `${name} was opened by ${device}`).toBeGreaterThanOrEqual(count);
    }
  }
}

/** The vault shows of every item what nobody else has seen, and counts its conflicts rightly. */
async function expectFeed({ client }: Hand, conflicts: number): Promise<void> {
  const { changes, conflictsOpen, hasMore } = await client.api('GET', '/api/v1/sync/pull');
  expect(hasMore).toBe(false);
  expect(conflictsOpen).toBe(conflicts);
  for (const change of changes) {
    const versions = versionsOf(change);
    for (const [at, version] of versions.entries()) {
      for (const other of versions.slice(at + 1)) {
        expect(compareClocks(version.clock, other.clock)).toBe('concurrent');
      }
    }
  }
}

/**
 * What lies in the server's file is what everybody is shown: each text once and no other, each deletion proven, one row
 * an item in the order of its place, and counted as it is.
 */
async function expectRows({ operator }: Stage, hand: Hand, shown: Screen['shown']): Promise<void> {
  const vault = await operator.findVault();
  if (vault === undefined) return expect(shown).toEqual({});
  const { rows, counted } = readRows(server.dataDir, vault);
  const read = await openerWith(hand.storage, hand.client.identity?.accountId ?? '');
  const texts: Record<string, Set<string>> = {};
  for (const row of rows) {
    const text = await read(row);
    expect(text, `${nameOf(row)} holds what does not open`).toBeDefined();
    expect(text === '', `${nameOf(row)} is deleted or not`).toBe(row.deleted);
    if (row.deleted) continue;
    const known = texts[nameOf(row)] ?? new Set();
    texts[nameOf(row)] = known.add(String(JSON.parse(text ?? 'null')));
  }
  const held = Object.entries(texts).map(([name, found]) => [name, [...found].sort()]);
  expect(Object.fromEntries(held)).toEqual(shown);
  const places = rows.filter(({ isLeader }) => isLeader).map(({ seq }) => seq);
  expect(new Set(places).size).toBe(places.length);
  expect(counted).toEqual({
    head: Math.max(counted.head, ...places),
    items: held.length,
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
  });
}

/** A revoked device is let in no more, and none of its keys opens what is written from now on, were it to see it. */
async function expectShutOut({ operator }: Stage, revoked: Hand, remaining: Hand): Promise<void> {
  await expect(revoked.client.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out' });
  const account = remaining.client.identity?.accountId ?? '';
  const { id } = await remaining.client.vault.put({ kind: 'entry', value: 'not for everybody' });
  expect(await syncOnce(remaining)).toMatchObject({ waiting: undefined });
  const { rows } = readRows(server.dataDir, (await operator.findVault()) ?? '');
  const written = rows.find((row) => row.id === id);
  if (written === undefined) throw new Error('what was written is not there');
  expect(await (await openerWith(remaining.storage, account))(written)).toBe('"not for everybody"');
  expect(await (await openerWith(revoked.storage, account))(written)).toBeUndefined();
}

function versionsOf(change: Pick<ChangeOut, 'siblings'> & Pick<Change, 'clock'>): Pick<Version, 'clock'>[] {
  return [change, ...(change.siblings ?? [])];
}

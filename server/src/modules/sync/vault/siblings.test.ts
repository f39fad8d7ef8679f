/** What a push costs that speaks of an item with large versions: it moves the rows that change, and no others. */
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Statement, VaultDatabase } from '../../../platform/vaults/index.ts';
import {
  change,
  home,
  laptop,
  phone,
  startTestVaults,
  type TestVault,
  type TestVaults,
  textPayload,
} from './fixtures/test-vaults.ts';
import { operations } from './program.ts';

let vaults: TestVaults;
beforeAll(async () => {
  vaults = await startTestVaults();
});
afterAll(() => vaults[Symbol.asyncDispose]());

const id = 'item-0000000000000001';
const large = 'A'.repeat(600 * 1024);
const at = (minute: number) => `2026-11-20T07:${minute}:00.000Z-0000`;

// Elsewhere the same statements run.
test.skipIf(home === 'remote').each(['entry', 'memory', 'tag'])(
  'beside three large versions of a %s small ones come and go, and nothing of the large ones is read or written',
  async (kind) => {
    const vault = await vaults.create();
    const version = (clock: Record<string, number>, time: string, payload = textPayload('word')) =>
      change({ id, kind, clock, time, payload });
    for (const stranger of [randomUUID(), randomUUID(), randomUUID()])
      await vault.push(stranger, [version({ [stranger]: 1 }, at(10), large)]);
    await vault.push(laptop, [version({ [laptop]: 1 }, at(30))]);

    for (const [device, clock, time] of [
      [laptop, { [laptop]: 2 }, at(31)],
      [phone, { [phone]: 1 }, at(40)],
      [laptop, { [laptop]: 3 }, at(20)],
      [laptop, { [laptop]: 4 }, at(50)],
      [phone, { [laptop]: 4, [phone]: 2 }, at(32)],
      [phone, { [laptop]: 4, [phone]: 2 }, at(32)],
    ] as const) {
      const bytes = vault.inspect((file) => pushCounted(file, vault, device, version(clock, time)));
      expect(bytes).toEqual({
        read: expect.toSatisfy(isSmall),
        written: expect.toSatisfy(isSmall),
        logged: expect.toSatisfy(isSmall),
      });
    }
    const [item] = await vault.pullAll(phone);
    expect([item, ...(item?.siblings ?? [])].map((held) => held?.payload)).toEqual([
      textPayload('word'),
      large,
      large,
      large,
    ]);
  },
);

const isSmall = (bytes: number) => bytes < 100_000;

/** Pushes one change; answers what the statements brought and took, and how the log of the file grew. */
function pushCounted(file: DatabaseSync, vault: TestVault, deviceId: string, change: object) {
  file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const { counted, bytes } = countBytes(file);
  const { nowMs, epochs, limits } = vault;
  const body = Buffer.from(JSON.stringify({ changes: [change] }));
  operations.push(counted, { body, deviceId, idempotencyKey: undefined, nowMs, epochs, limits });
  return { ...bytes, logged: statSync(`${file.location()}-wal`).size };
}

function countBytes(file: DatabaseSync): {
  counted: VaultDatabase;
  bytes: { read: number; written: number };
} {
  const bytes = { read: 0, written: 0 };
  const took = (values: SQLInputValue[]) => {
    bytes.written += JSON.stringify(values).length;
    return values;
  };
  const brought = <T>(rows: T): T => {
    bytes.read += JSON.stringify(rows ?? null).length;
    return rows;
  };
  const statement = <Row>(sql: string) => {
    const prepared = file.prepare(sql);
    const counting = {
      get: (...values: SQLInputValue[]) => brought(prepared.get(...took(values))),
      all: (...values: SQLInputValue[]) => brought(prepared.all(...took(values))),
      run: (...values: SQLInputValue[]) => prepared.run(...took(values)),
    };
    return counting as unknown as Statement<Row>;
  };
  const transaction = <T>(work: () => T) => {
    file.exec('BEGIN IMMEDIATE');
    const done = work();
    file.exec('COMMIT');
    return done;
  };
  return { counted: { statement, transaction }, bytes };
}

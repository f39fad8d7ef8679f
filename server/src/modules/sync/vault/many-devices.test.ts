/** An account that had many devices over the years, each of which wrote the same item once and went. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  change,
  newItemId,
  startTestVaults,
  type TestVault,
  type TestVaults,
  textPayload,
} from './fixtures/test-vaults.ts';

let vaults: TestVaults;
let vault: TestVault;
beforeAll(async () => {
  vaults = await startTestVaults();
  vault = await vaults.create();
});
afterAll(() => vaults[Symbol.asyncDispose]());

const devicesMax = 1000;
const id = newItemId();
const nameOf = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const clockOf = (devices: number) =>
  Object.fromEntries(Array.from({ length: devices }, (_, at) => [nameOf(at), 1]));
const write = async (device: number, clock: object, members: object = {}) => {
  const { results } = await vault.push(nameOf(device), [change({ id, clock, ...members })]);
  return results[0];
};

test('takes the edits of a thousand, knows what each has seen, takes a few beside each other, and lets the next one begin the item anew', async () => {
  for (let device = 0; device < devicesMax; device += 1) {
    expect(await write(device, clockOf(device + 1))).toMatchObject({ status: 'applied' });
  }

  // What the first one wrote while it was away, it wrote without knowing of the others.
  const late = { [nameOf(0)]: 2 };
  const payload = textPayload('from long ago');
  expect(await write(0, late, { payload })).toMatchObject({ status: 'conflict' });
  expect(await write(0, { [nameOf(0)]: 1 })).toMatchObject({ status: 'stale' });
  const [item] = await vault.pullAll(nameOf(1));
  expect([item, ...(item?.siblings ?? [])].map((version) => version?.clock)).toEqual(
    expect.arrayContaining([clockOf(devicesMax), late]),
  );
  const beside = (device: number) => write(device, { ...clockOf(devicesMax), [nameOf(device)]: 2 });
  for (const device of [1, 2, 3]) expect(await beside(device)).toMatchObject({ status: 'conflict' });
  expect(await beside(4)).toMatchObject({ status: 'rejected', code: 'sync.too_many_versions' });
  const seenAll = { ...clockOf(devicesMax), [nameOf(0)]: 3, [nameOf(1)]: 2, [nameOf(2)]: 2, [nameOf(3)]: 2 };
  expect(await write(0, seenAll)).toMatchObject({ status: 'applied' });

  const newcomer = devicesMax;
  const beyond = { ...seenAll, [nameOf(newcomer)]: 1 };
  expect(await write(newcomer, beyond)).toMatchObject({
    status: 'rejected',
    code: 'sync.clock_full',
    detail: expect.stringContaining('write the content as a new item, and delete this one'),
  });
  expect(await write(newcomer, beyond, { op: 'delete' })).toMatchObject({ status: 'applied' });
  expect(await vault.tidy([])).toBe(1);
  expect(await write(newcomer, { [nameOf(newcomer)]: 2 })).toMatchObject({ status: 'applied' });
}, 180_000);

/** Two stores that claim to be one device: a copy, or yesterday's backup. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  change,
  laptop,
  newItemId,
  phone,
  startTestVaults,
  type TestVault,
  type TestVaults,
} from './fixtures/test-vaults.ts';

let vaults: TestVaults;
let vault: TestVault;

beforeAll(async () => {
  vaults = await startTestVaults();
});
afterAll(() => vaults[Symbol.asyncDispose]());
beforeEach(async () => {
  vault = await vaults.create();
});

const edit = (counter: number) => change({ id: newItemId(), clock: { [laptop]: counter } });

test('a store that has sent less than the vault has of its device is told so, and nothing of it is written', async () => {
  await vault.push(laptop, [edit(1), edit(2)], { sentCounter: 0 });
  const before = await vault.pullAll(phone);
  await expect(vault.push(laptop, [edit(3)], { sentCounter: 1 })).rejects.toMatchObject({
    code: 'sync.device_cloned',
    status: 409,
    extensions: { counter: 2 },
  });
  expect(await vault.pullAll(phone)).toEqual(before);
});

test('a store that says nothing of what it sent is taken at its word', async () => {
  await vault.push(laptop, [edit(2)]);
  expect((await vault.push(laptop, [edit(1)])).results).toMatchObject([{ status: 'applied' }]);
});

test('a push whose answer was lost may be repeated: what it sent then counts as sent', async () => {
  const changes = [edit(1), edit(2)];
  await vault.push(laptop, changes, { sentCounter: 0 });
  const again = await vault.push(laptop, changes, { sentCounter: 2 });
  expect(again.results).toMatchObject([{ status: 'duplicate' }, { status: 'duplicate' }]);
});

test('a repetition with its Idempotency-Key gets its answer, although the vault is further than it says', async () => {
  const changes = [edit(1)];
  const first = await vault.push(laptop, changes, { sentCounter: 0, key: 'once' });
  expect(await vault.push(laptop, changes, { sentCounter: 0, key: 'once' })).toEqual({
    ...first,
    isReplay: true,
  });
});

test("another device's changes say nothing of this one", async () => {
  await vault.push(phone, [change({ id: newItemId(), clock: { [phone]: 9 } })], { sentCounter: 0 });
  expect((await vault.push(laptop, [edit(1)], { sentCounter: 0 })).results).toMatchObject([
    { status: 'applied' },
  ]);
});

test.each([-1, 1.5, '1', null, 2 ** 53])(
  'sentCounter %j is refused with the whole push',
  async (sentCounter) => {
    const body = Buffer.from(JSON.stringify({ changes: [edit(1)], sentCounter }));
    const { nowMs, epochs, limits } = vault;
    const input = { body, deviceId: laptop, idempotencyKey: undefined, nowMs, epochs, limits };
    expect(await vaults.pool.call(vault.name, 'push', input)).toEqual({
      outcome: 'invalid',
      errors: [{ pointer: '/sentCounter', detail: 'must be an integer from 0' }],
    });
  },
);

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { giveBackGarbage } from './index.ts';

test('what nobody refers to any more is gone', async () => {
  const dropped = new WeakRef({ text: 'x'.repeat(1000) });
  // What a weak reference was made of lives until the turn ends.
  await sleep(1);
  expect(dropped.deref()).toBeDefined();
  await sleep(1);
  giveBackGarbage();
  expect(dropped.deref()).toBeUndefined();
  expect(globalThis.gc).toBeUndefined();
});

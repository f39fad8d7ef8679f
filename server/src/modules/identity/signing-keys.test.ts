import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemCtx } from '../../context.ts';
import { createEnvelope, loadMasterKeys } from '../../platform/crypto/index.ts';
import { createDatabase, type Database } from '../../platform/database/index.ts';
import { createIds } from '../../platform/ids/index.ts';
import { createLogger } from '../../platform/telemetry/index.ts';
import { createTestClock } from '../../testing/index.ts';
import { copyTemplate } from '../../testing/template.ts';
import { createSigningKeys } from './signing-keys.ts';

const { dataDir, database: url, remove } = await copyTemplate();
const database = await createDatabase({
  url,
  directory: join(dataDir, 'control'),
  onError: () => undefined,
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await remove();
});

const clock = createTestClock();
const masterKeys = await loadMasterKeys({ dataDir, setting: undefined, wrapper: undefined }, true);
const parts = { clock, ids: createIds(clock), envelope: createEnvelope(masterKeys) };

/** A node's context, with the number of times that the node asked the database. */
function createNode() {
  let asked = 0;
  const counted: Database = {
    ...database,
    asOwner: (work) => {
      asked += 1;
      return database.asOwner(work);
    },
  };
  const log = createLogger({ level: 'silent' });
  const ctx = systemCtx({ log, database: counted, signal: new AbortController().signal, id: 'test' });
  return { ctx, keys: createSigningKeys(parts), asked: () => asked };
}

test('a node finds the key that another one made meanwhile, though it never heard of it', async () => {
  const [one, two] = [createNode(), createNode()];
  await one.keys.rotate(one.ctx);
  await two.keys.rotate(two.ctx);
  clock.forward(91 * 24 * 3_600_000);
  await one.keys.rotate(one.ctx);
  const { id } = one.keys.current();
  expect(two.keys.current().id).not.toBe(id);
  expect(await two.keys.find(two.ctx, id)).toBeDefined();
  expect(two.keys.current().id).toBe(id);
});

test('made-up key ids make a node look for them once in five seconds, and no more often', async () => {
  const { keys, ctx, asked } = createNode();
  await keys.rotate(ctx);
  const before = asked();
  const guess = () => Promise.all(Array.from({ length: 50 }, (_, at) => keys.find(ctx, `made up ${at}`)));
  expect((await guess()).filter((key) => key !== undefined)).toEqual([]);
  expect(asked() - before).toBe(1);
  clock.forward(5001);
  await guess();
  expect(asked() - before).toBe(2);
});

/** Kills the real process while it copies a vault and puts the copy back: each is done wholly, or not at all. */
import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { expect, onTestFinished, test } from 'vitest';
import { registerPerson } from '../src/testing/index.ts';
import { createGround } from './crash/ground.ts';
import { createLink, type Link } from './crash/link.ts';

const rounds = Math.ceil(Number(process.env.ALCOVE_CRASH_ROUNDS ?? 20) / 4);
const itemsInCopy = 40;

test(
  `after kill -9 in the middle of copying and restoring, ${rounds} times, vault and copy are whole`,
  async () => {
    await using ground = await createGround();
    const copies = await mkdtemp(join(tmpdir(), 'alcove-copies-'));
    onTestFinished(() => rm(copies, { recursive: true, force: true }));
    const first = await ground.start();
    const operator = await readFile(join(ground.dataDir, 'operator.token'), 'utf8');
    const asOperator = { authorization: `Bearer ${operator.trim()}` };
    const person = await registerPerson(first.url);
    const asOwner = { authorization: `Bearer ${person.tokens.accessToken}` };
    let link = createLink(first);
    let counter = 0;

    /** Answers the ids, or nothing when the server died first. */
    async function push(count: number): Promise<string[] | undefined> {
      const ids = Array.from({ length: count }, () => randomUUID());
      const changes = ids.map((id) => {
        counter += 1;
        const clock = { [person.device.id]: counter };
        const time = formatHybridTime(Date.now(), 0);
        return { id, kind: 'entry', op: 'put', clock, time, epoch: 1, payload: 'AAAA'.repeat(200) };
      });
      const answer = await link.call('POST', '/sync/push', { changes }, asOwner);
      return answer === undefined ? undefined : ids;
    }
    const pull = async (): Promise<string[]> =>
      (await link.ask(200, 'GET', '/sync/pull?limit=500', undefined, asOwner)).body.changes.map(
        ({ id }: { id: string }) => id,
      );

    const inCopy = new Set(await push(itemsInCopy));
    const listed = await link.ask(
      200,
      'GET',
      `/admin/vaults?account=${person.account.id}`,
      undefined,
      asOperator,
    );
    const vault: string = listed.body.data[0].name;
    const kept = join(copies, 'kept');
    await link.ask(200, 'POST', '/admin/vaults/backup', { vault, directory: kept }, asOperator);
    const figures = { restored: 0, left: 0, copies: 0 };

    for (let round = 1; round <= rounds; round += 1) {
      const added = (await push(3)) ?? [];
      const before = new Set(await pull());
      expect(added.every((id) => before.has(id))).toBe(true);
      const work = copyAndRestore(link, {
        vault,
        directory: join(copies, 'again'),
        file: join(kept, `${vault}.db`),
      });
      await Promise.race([work.copied.then((tookMs) => sleep(randomInt(0, 2 + 2 * tookMs))), work.ended]);
      await link.kill();
      await work.ended;

      link = createLink(await ground.start());
      const after = new Set(await pull());
      const isRestored = isDeepStrictEqual(after, inCopy);
      // Killed between its taking effect and the answer, a restore counts for as much as one that was answered.
      if (!isRestored) expect([after, work.restored()]).toEqual([before, 0]);
      figures[isRestored ? 'restored' : 'left'] += 1;
      figures.copies += countWhole(join(copies, 'again', `${vault}.db`));
      // Both histories go on.
      expect(await push(1)).toHaveLength(1);
    }
    console.log(
      `${rounds} kills: ${figures.restored} vaults were restored, ${figures.left} were as before; ${figures.copies} copies were whole.`,
    );
    expect(figures).toMatchObject({ copies: rounds });
    expect(figures.restored + figures.left).toBe(rounds);

    /** One after the other until the server dies. */
    function copyAndRestore(
      link: Link,
      { vault, directory, file }: { vault: string; directory: string; file: string },
    ) {
      const copied = Promise.withResolvers<number>();
      let restored = 0;
      const startedAt = performance.now();
      const succeed = async (path: string, body: unknown) => {
        const answer = await link.call('POST', `/admin/vaults/${path}`, body, asOperator);
        if (answer !== undefined) expect(answer.status).toBe(200);
        return answer !== undefined;
      };
      const run = async () => {
        while (await succeed('backup', { vault, directory })) {
          copied.resolve(Math.ceil(performance.now() - startedAt));
          if (!(await succeed('restore', { vault, file }))) return;
          restored += 1;
        }
      };
      return { copied: copied.promise, ended: run(), restored: () => restored };
    }
  },
  60_000 + rounds * 60_000,
);

/** The place of a copy holds a whole one or none. */
function countWhole(file: string): 0 | 1 {
  if (!existsSync(file)) return 0;
  using copy = new DatabaseSync(file, { readOnly: true });
  expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  return 1;
}

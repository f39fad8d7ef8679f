/** Two nodes, each a process of its own, on one PostgreSQL and one libSQL server: they share every vault. */
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { asPerson, listenOnSocket, type Person, registerPerson } from '../src/testing/index.ts';
import { type ServerProcess, startServerProcess } from '../src/testing/process.ts';
import { sqldIsAvailable, startTestSqld, type TestSqld } from '../src/testing/sqld.ts';
import { type Copy, copyTemplate } from '../src/testing/template.ts';

const isOnPostgres = (process.env.TEST_DATABASE_URL ?? '') !== '';

const isPossible = isOnPostgres && sqldIsAvailable;

describe.skipIf(!isPossible).each(['false', 'true'])(
  'two nodes with remote vaults, replicas %s',
  (replicas) => {
    let ground: Copy;
    let folder: string;
    let sqld: TestSqld;
    let nodes: readonly [ServerProcess, ServerProcess];
    const running: ServerProcess[] = [];
    let people: readonly [Person, Person];
    let counter: number;

    beforeAll(async () => {
      ground = await copyTemplate();
      folder = await mkdtemp(join(tmpdir(), 'alcove-nodes-'));
      sqld = await startTestSqld();
      nodes = await Promise.all([startNode('one'), startNode('two')]);
    });
    afterAll(async () => {
      for (const node of running) await node.kill();
      await sqld[Symbol.asyncDispose]();
      await ground.remove();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(async () => {
      const one = await registerPerson(nodes[0].url);
      await one.mintFirstEpoch();
      people = [one, asPerson(nodes[1].url, one.keys, one)];
      counter = 0;
    });

    async function startNode(name: string): Promise<ServerProcess> {
      const dataDir = join(folder, name);
      await cp(ground.dataDir, dataDir, { recursive: true });
      const env = {
        DATABASE_URL: ground.database ?? '',
        PUBLIC_URL: 'http://alcove.test',
        VAULT_URL: sqld.url,
        VAULT_ADMIN_URL: sqld.adminUrl,
        VAULT_REPLICAS: replicas,
      };
      const node = await startServerProcess({ dataDir, logFile: join(folder, `${name}.log`), env });
      running.push(node);
      return node;
    }

    function entry() {
      counter += 1;
      const change = {
        id: randomUUID(),
        kind: 'entry',
        op: 'put',
        clock: { [people[0].device.id]: counter },
      };
      return { ...change, time: '2026-11-20T07:00:00.000Z-0000', epoch: 1, payload: 'YQ' };
    }
    const push = (person: Person, changes: readonly unknown[]) =>
      person.call('POST', '/sync/push', { changes });

    async function pullAll(person: Person): Promise<string[]> {
      const { changes } = (await person.call('GET', '/sync/pull')).body;
      return changes.map(({ id, seq }: { id: string; seq: number }) => `${seq} ${id}`);
    }

    test('give each change of parallel pushes a number of its own, and lose none that they acknowledged', async () => {
      const acknowledged: { id: string; seq: number }[] = [];
      async function pushUntilTaken(person: Person): Promise<void> {
        const changes = [entry(), entry()];
        for (;;) {
          const { status, body } = await push(person, changes);
          // A vault that the other node has locked for too long is told to come again.
          if (status === 503) continue;
          expect(status).toBe(200);
          return void acknowledged.push(...body.results);
        }
      }
      const rounds = Array.from({ length: 30 }, (_, at) => pushUntilTaken(people[at % 2 === 0 ? 0 : 1]));
      await Promise.all(rounds);
      const seqs = Array.from({ length: 60 }, (_, at) => at + 1);
      expect(acknowledged.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(seqs);
      const expected = acknowledged.sort((a, b) => a.seq - b.seq).map(({ id, seq }) => `${seq} ${id}`);
      for (const person of people) await expect.poll(() => pullAll(person)).toEqual(expected);
    });

    test('take the same change through both at once as one', async () => {
      const changes = [entry()];
      await push(people[0], [entry()]);
      const answers = await Promise.all(people.map((person) => push(person, changes)));
      const states = answers.map(({ body }) => body.results[0].status).sort();
      expect(states).toEqual(['applied', 'duplicate']);
    });

    test('tell the devices at the one what came by the other', async () => {
      await push(people[0], [entry()]);
      const headers = { authorization: `Bearer ${people[1].tokens.accessToken}` };
      const heard = await listenOnSocket(`${nodes[1].url}/api/v1/sync/live`, headers);
      onTestFinished(() => heard.close());
      await expect.poll(() => heard.messages.length).toBe(1);
      await push(people[0], [entry()]);
      await expect.poll(() => heard.messages.map(({ type }) => type)).toEqual(['changed', 'changed']);
      const { body } = await people[1].call('GET', '/sync/pull');
      expect([body.changes.length, body.cursor]).toEqual([2, heard.messages.at(-1)?.cursor]);
    });
  },
);

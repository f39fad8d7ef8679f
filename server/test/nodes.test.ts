/** Two nodes, each a process of its own, on one PostgreSQL: what is taken back on one ends on the other. */
import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asPerson, callApi, listenOnSocket, type Person, registerPerson } from '../src/testing/index.ts';
import { type ServerProcess, startServerProcess } from '../src/testing/process.ts';
import { redisIsInstalled, startTestRedis } from '../src/testing/redis.ts';
import { type Copy, copyTemplate } from '../src/testing/template.ts';

const isOnPostgres = (process.env.TEST_DATABASE_URL ?? '') !== '';

describe.skipIf(!isOnPostgres)('two nodes on one PostgreSQL', () => {
  let ground: Copy;
  let folder: string;
  let nodes: readonly [ServerProcess, ServerProcess];

  beforeAll(async () => {
    ground = await copyTemplate();
    folder = await mkdtemp(join(tmpdir(), 'alcove-nodes-'));
    nodes = await Promise.all([startNode('one'), startNode('two')]);
  });
  afterAll(async () => {
    for (const node of nodes) await node.kill();
    await ground.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** A node has a folder of its own; database and master key are those of all. */
  async function startNode(
    name: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const dataDir = join(folder, name);
    await cp(ground.dataDir, dataDir, { recursive: true });
    const env = { DATABASE_URL: ground.database ?? '', PUBLIC_URL: 'http://alcove.test', ...more };
    return startServerProcess({ dataDir, logFile: join(folder, `${name}.log`), env });
  }

  const on = (node: ServerProcess, person: Person) => asPerson(node.url, person.keys, person);
  /** Of a call that itself does not look at the session again. */
  const statusOn = async (node: ServerProcess, person: Person) =>
    (await on(node, person).call('GET', '/auth/devices')).status;

  /** Registered on the first node, and known to the second, which has every reason to remember it. */
  async function registerOnBoth(): Promise<Person> {
    const person = await registerPerson(nodes[0].url);
    expect(await statusOn(nodes[1], person)).toBe(200);
    return person;
  }

  type End = (ada: Person) => Promise<unknown>;
  const logout = (ada: Person) => ada.call('POST', '/auth/logout', {});

  async function reuseRefreshToken(ada: Person): Promise<void> {
    const refresh = (refreshToken: string) =>
      callApi(nodes[0].url, 'POST', '/auth/refresh', { refreshToken });
    const { body } = await refresh(ada.tokens.refreshToken);
    await refresh(body.tokens.refreshToken);
    await refresh(ada.tokens.refreshToken);
  }

  test.each<[string, End]>([
    ['a sign-out', logout],
    ['a sign-out everywhere', (ada) => ada.call('POST', '/auth/logout', { everywhere: true })],
    ['the end of one session', async (ada) => ada.call('DELETE', `/auth/sessions/${await sessionOf(ada)}`)],
    ['a refresh token that was used twice over', reuseRefreshToken],
  ])('%s on one node has ended the session on the other when its answer comes', async (_name, end) => {
    for (let round = 0; round < 10; round += 1) {
      const ada = await registerOnBoth();
      await end(ada);
      expect(await statusOn(nodes[1], ada)).toBe(401);
    }
  });

  test('no news have to arrive for that: a node may die before it sends them', async () => {
    const ada = await registerOnBoth();
    await query(`update session set ended_at = now() where account_id = '${ada.account.id}'`);
    expect(await statusOn(nodes[1], ada)).toBe(401);
  });

  test('while many others call, too', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, registerOnBoth));
    const stop = new AbortController();
    const callers = others.map(async (other) => {
      while (!stop.signal.aborted) expect(await statusOn(nodes[1], other)).toBe(200);
    });
    for (let round = 0; round < 10; round += 1) {
      const ada = await registerOnBoth();
      await logout(ada);
      expect(await statusOn(nodes[1], ada)).toBe(401);
    }
    stop.abort();
    await Promise.all(callers);
  });

  async function sessionOf(person: Person): Promise<string> {
    return (await person.call('GET', '/auth/me')).body.session.id;
  }

  test('a node knows the tokens that another one signs with a key that was made since', async () => {
    await query('delete from signing_key');
    const fresh = await startNode('three');
    try {
      const ada = await registerPerson(fresh.url);
      expect(await statusOn(nodes[0], ada)).toBe(200);
    } finally {
      await fresh.kill();
    }
  });

  test('an API key that is taken back on one node does not open the other', async () => {
    const ada = await registerPerson(nodes[0].url);
    const { body } = await ada.call('POST', '/auth/api-keys', { name: 'Robot', scopes: ['audit:read'] });
    const read = () =>
      callApi(nodes[1].url, 'GET', '/audit/logs', undefined, { authorization: `Bearer ${body.secret}` });
    expect((await read()).status).toBe(200);
    expect((await ada.call('DELETE', `/auth/api-keys/${body.id}`)).status).toBe(204);
    expect((await read()).status).toBe(401);
  });

  const listenOn = async (node: ServerProcess, { tokens }: Person) => {
    const authorization = `Bearer ${tokens.accessToken}`;
    const heard = await listenOnSocket(`${node.url}/api/v1/sync/live`, { authorization });
    await expect.poll(() => heard.messages.map(({ type }) => type)).toEqual(['changed']);
    return heard;
  };

  async function expectNewsToTravel(here: ServerProcess, there: ServerProcess): Promise<void> {
    const ada = await registerPerson(here.url);
    const heard = await listenOn(there, ada);
    expect((await ada.mintFirstEpoch()).status).toBe(200);
    await expect.poll(() => heard.messages.map(({ type }) => type)).toContain('device');
    expect((await ada.call('POST', '/auth/logout', {})).status).toBe(204);
    expect(await heard.ended).toBe(4403);
  }

  test('a stream on one node hears of keys that come by the other, and ends with a session that ends there', () =>
    expectNewsToTravel(...nodes));

  test.skipIf(!redisIsInstalled)('the same through Redis', async () => {
    await using redis = await startTestRedis();
    const env = { REDIS_URL: redis.url };
    const [here, there] = await Promise.all([startNode('with-redis', env), startNode('and-another', env)]);
    try {
      await expectNewsToTravel(here, there);
    } finally {
      await Promise.all([here.kill(), there.kill()]);
    }
  });

  test('a node that stops says goodbye on its streams', async () => {
    const node = await startNode('stopping');
    const heard = await listenOn(node, await registerPerson(node.url));
    expect(await node.stop()).toBe(0);
    expect(await heard.ended).toBe(1001);
  });

  test('an epoch is over on every node once its grace is, also when no news of the next one arrive', async () => {
    const node = await startNode('brief', { ALCOVE_EPOCH_GRACE_SECONDS: '1' });
    try {
      const ada = await registerPerson(node.url);
      await ada.mintFirstEpoch();
      let counter = 0;
      const write = async () => {
        counter += 1;
        const time = `${new Date().toISOString()}-0000`;
        const version = { clock: { [ada.device.id]: counter }, time, epoch: 1, payload: 'AAAA' };
        const change = { id: randomUUID(), kind: 'entry', op: 'put', ...version };
        const { body } = await ada.call('POST', '/sync/push', { changes: [change] });
        return body.results[0].code ?? body.results[0].status;
      };
      expect(await write()).toBe('applied');
      await query(`insert into key_epoch (account_id, epoch, minted_by, created_at)
        values ('${ada.account.id}', 2, '${ada.device.id}', now())`);
      await expect.poll(write, { timeout: 10_000 }).toBe('sync.epoch_retired');
    } finally {
      await node.kill();
    }
  });

  async function query(statement: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: ground.database });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }
});

/** Replicas of remote vaults: what may be read from them, when, and what becomes of them. On a real libSQL server. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../../platform/telemetry/index.ts';
import { createVaultName, createVaultPool, type VaultPool } from '../../../platform/vaults/index.ts';
import { type FlakyProxy, startFlakyProxy } from '../../../testing/doubles/flaky-proxy.ts';
import {
  mintSqldToken,
  remoteVaultsOn,
  type SqldOptions,
  startTestSqld,
  type TestSqld,
} from '../../../testing/sqld.ts';
import { type SyncOperations, syncProgram } from '../index.ts';
import { laptop } from './fixtures/test-vaults.ts';

const migrations = new URL('../../../../migrations/vault/', import.meta.url);
const nowMs = Date.parse('2026-11-20T08:00:00.000Z');
/** Of a database's first page, a place that nobody writes to. */
const reservedInHeader = 72;
/** So much a replica may lag behind other nodes, and a little more. */
const agedMs = 1100;

describe.skipIf(process.env.TEST_VAULT_HOME !== 'replica')('a replica', () => {
  let open: AsyncDisposableStack;
  let sqld: TestSqld;
  /** Between the first node and the server. */
  let line: FlakyProxy;
  let here: Node;
  let vault: string;

  interface Node {
    readonly pool: VaultPool<SyncOperations>;
    readonly directory: string;
  }

  beforeEach(() => {
    open = new AsyncDisposableStack();
  });
  afterEach(() => open.disposeAsync());

  async function start(options: SqldOptions & { openMax?: number; authToken?: string } = {}): Promise<void> {
    sqld = open.use(await startTestSqld(options));
    line = open.use(await startFlakyProxy(sqld.url));
    here = await startNode(line.url, options);
    vault = await createVault(here);
  }

  async function startNode(
    url: string,
    { openMax = 20, authToken = undefined as string | undefined } = {},
  ): Promise<Node> {
    const directory = mkdtempSync(join(tmpdir(), 'replicas-'));
    open.defer(() => rmSync(directory, { recursive: true }));
    const remote = remoteVaultsOn({ url, adminUrl: sqld.adminUrl }, { replicas: true });
    const pool = open.use(
      await createVaultPool<SyncOperations>({
        directory,
        program: syncProgram,
        migrations,
        workers: 1,
        openMax,
        idleCloseMs: 60_000,
        remote: { ...remote, timeoutMs: 4000, host: { ...remote.host, authToken } as typeof remote.host },
        homeOf: async () => 'remote',
        log: createLogger({ level: 'silent' }),
      }),
    );
    return { pool, directory };
  }

  /** Another node, which reaches the server by a line of its own. */
  const startOther = () => startNode(sqld.url);

  async function createVault({ pool }: Node): Promise<string> {
    const name = createVaultName();
    await pool.call(name, 'open', undefined, { create: true });
    return name;
  }

  /** Each new item is of a device of its own, which has its id. */
  async function push(
    { pool }: Node,
    { payload = 'YQ', name = vault, id = randomUUID() as string, counter = 1 } = {},
  ): Promise<string> {
    const change = { id, kind: 'entry', op: 'put', clock: { [id]: counter }, epoch: 1, payload };
    const changes = [{ ...change, time: '2026-11-20T07:00:00.000Z-0000' }];
    const body = Buffer.from(JSON.stringify({ changes }));
    const epochs = { epochCurrent: 0, epochOldest: 0 };
    const limits = { items: 1_000_000, bytes: 2 ** 30 };
    const input = { body, idempotencyKey: undefined, deviceId: id, nowMs, epochs, limits };
    const output = await pool.call(name, 'push', input);
    if (output.outcome !== 'answered') throw new Error('it was refused');
    expect(JSON.parse(Buffer.from(output.json).toString()).results[0].status).toBe('applied');
    return id;
  }

  async function pull({ pool }: Node, input: { cursor?: string; acknowledged?: string; name?: string } = {}) {
    const { cursor, acknowledged, name = vault } = input;
    const kinds = ['entry', 'memory', 'tag'] as const;
    const { json } = await pool.call(name, 'pull', {
      cursor,
      acknowledged,
      limit: 500,
      kinds,
      deviceId: laptop,
      nowMs,
    });
    const { changes, ...rest } = JSON.parse(Buffer.from(json).toString());
    return {
      ids: changes.map(({ id }: { id: string }) => id) as string[],
      payloads: changes.map(({ payload }: { payload: string }) => payload) as string[],
      cursor: rest.cursor as string,
      hasMore: rest.hasMore as boolean,
    };
  }

  async function pullAll(node: Node): Promise<string[]> {
    const ids: string[] = [];
    for (let page = await pull(node); ; page = await pull(node, { cursor: page.cursor })) {
      ids.push(...page.ids);
      if (!page.hasMore) return ids;
    }
  }

  function lacking(found: readonly string[], expected: readonly string[]): string[] {
    const held = new Set(found);
    return expected.filter((id) => !held.has(id));
  }

  /** How often the server was asked meanwhile. */
  async function countQuestions(work: () => Promise<unknown>): Promise<number> {
    const before = line.seen;
    await work();
    return line.seen - before;
  }

  /** Until it is whole: the first reads fetch it, and are answered by the primary. */
  async function settle(node: Node): Promise<void> {
    await expect.poll(() => countQuestions(() => pull(node)), { interval: 1, timeout: 20_000 }).toBe(0);
  }

  /** What is returned starts the server with what it has now: what it is told until then, it has lost. */
  async function keepWhatIsThere(): Promise<() => Promise<void>> {
    const yesterday = mkdtempSync(join(tmpdir(), 'sqld-yesterday-'));
    open.defer(() => rmSync(yesterday, { recursive: true }));
    await sqld.stop();
    cpSync(sqld.directory, yesterday, { recursive: true });
    await sqld.start();
    return async () => {
      await sqld.stop();
      rmSync(sqld.directory, { recursive: true });
      cpSync(yesterday, sqld.directory, { recursive: true });
      await sqld.start();
    };
  }

  /** How far the vault's log has come. */
  async function findHead(): Promise<string> {
    const asked = request(`${sqld.url}/v3/pipeline`, {
      method: 'POST',
      headers: { host: `${vault}.127.0.0.1` },
    });
    asked.end(JSON.stringify({ requests: [{ type: 'execute', stmt: { sql: 'SELECT 1' } }] }));
    const [answer] = await once(asked, 'response');
    const { results } = (await json(answer)) as {
      results: [{ response: { result: { replication_index: string } } }];
    };
    return results[0].response.result.replication_index;
  }

  /** The descriptors of files that have no name any more. */
  const descriptors = () =>
    readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(join(here.directory, 'replicas')));
  function linkOf(fd: string): string {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  }

  test('answers pulls, the status and conflicts without asking the primary', async () => {
    await start();
    const id = await push(here);
    await settle(here);
    const { cursor } = await pull(here);
    await pull(here, { cursor, acknowledged: cursor });
    await pull(here);
    const questions = await countQuestions(async () => {
      expect((await pull(here)).ids).toEqual([id]);
      expect((await pull(here, { cursor, acknowledged: cursor })).ids).toEqual([]);
      expect((await here.pool.call(vault, 'status', undefined)).items).toBe(1);
      await here.pool.call(vault, 'conflicts', { state: 'open', limit: 10, cursor: undefined });
    });
    expect(questions).toBe(0);
  });

  test('shows what this node was told to have been taken, each time at once', async () => {
    await start();
    const pushed: string[] = [];
    for (let round = 0; round < 50; round += 1) {
      pushed.push(await push(here));
      expect((await pull(here)).ids).toEqual(pushed);
    }
  });

  test('is a second behind other nodes at most', async () => {
    await start();
    const there = await startOther();
    await settle(here);
    const late = await push(there);
    await sleep(agedMs);
    expect((await pull(here)).ids).toEqual([late]);
  });

  test('leaves to the primary whom it would send back: another node has shown them more', async () => {
    await start();
    const there = await startOther();
    await push(here);
    await settle(here);
    await push(there);
    const { cursor } = await pull(there);
    expect(await pull(here, { cursor })).toMatchObject({ ids: [], cursor });
  });

  test('knows at once what another node wrote, when this one has looked because it was told', async () => {
    await start();
    const there = await startOther();
    await settle(here);
    const late = await push(there);
    await here.pool.call(vault, 'head', undefined);
    expect((await pull(here)).ids).toEqual([late]);
  });

  test('notes down what a device has stored where the vault is', async () => {
    await start();
    await push(here);
    await settle(here);
    const { cursor } = await pull(here);
    await pull(here, { cursor, acknowledged: cursor });
    const status = await (await startOther()).pool.call(vault, 'status', undefined);
    expect(status.devices).toContainEqual({ id: laptop, acknowledgedSeq: 1 });
  });

  test.each([
    ['dies', () => sqld.kill(), () => sqld.start()],
    ['stands still', () => sqld.stall(), () => sqld.resume()],
  ])(
    'answers on when the server %s, within two seconds, and is level again when that is over',
    async (_, end, begin) => {
      await start();
      const id = await push(here);
      await settle(here);
      await end();
      await sleep(agedMs);
      for (let round = 0; round < 3; round += 1) {
        const beganAt = performance.now();
        expect((await pull(here)).ids).toEqual([id]);
        expect(performance.now() - beganAt).toBeLessThan(2500);
        await sleep(agedMs);
      }
      await expect(push(here)).rejects.toMatchObject({ code: 'vault.unavailable' });
      await begin();
      const there = await startOther();
      await expect
        .poll(
          () =>
            push(there).then(
              () => true,
              () => false,
            ),
          { timeout: 15_000 },
        )
        .toBe(true);
      await expect.poll(async () => (await pull(here)).ids.length, { timeout: 5000 }).toBe(2);
      await settle(here);
    },
    60_000,
  );

  test('is thrown away when the server has lost the end of its log, and goes on with the same numbers', async () => {
    await start();
    const kept: string[] = [];
    for (let round = 0; round < 60; round += 1) kept.push(await push(here, { payload: 'A'.repeat(1000) }));
    const loseTheEnd = await keepWhatIsThere();
    // Writes to a page that no later change touches.
    await push(here, { id: kept[0] ?? '', counter: 2 });
    await settle(here);
    await loseTheEnd();
    const there = await startOther();
    for (let round = 0; round < 5; round += 1) kept.push(await push(there));
    await sleep(agedMs);
    await settle(here);
    expect(await pull(here)).toEqual(await pull(there));
    expect((await pull(here)).ids).toEqual(kept);
  });

  test.each([
    ['in the log', [], 0],
    ['in a snapshot alone', ['--max-log-duration', '1'], 2500],
  ])(
    'is thrown away when the server has lost the end of its log, and has come exactly as far again: %s',
    async (_, more, compactedAfterMs) => {
      await start({ more });
      const id = await push(here, { payload: 'YQ' });
      const loseTheEnd = await keepWhatIsThere();
      await push(here, { id, counter: 2, payload: 'Yg' });
      await sleep(compactedAfterMs);
      const fresh = await startNode(line.url);
      await settle(fresh);
      expect((await pull(fresh)).payloads).toEqual(['Yg']);
      const reached = await findHead();
      await loseTheEnd();
      const there = await startOther();
      await push(there, { id, counter: 2, payload: 'Yw' });
      await sleep(agedMs + compactedAfterMs);
      expect(await findHead()).toBe(reached);
      expect((await pull(fresh)).payloads).toEqual(['Yw']);
      await settle(fresh);
      expect((await pull(fresh)).payloads).toEqual(['Yw']);
    },
  );

  test('goes on with what it holds when the server was started anew in order', async () => {
    await start();
    const id = await push(here);
    await settle(here);
    const mark = openSync(`/proc/self/fd/${descriptors()[0]}`, 'r+');
    open.defer(() => closeSync(mark));
    writeSync(mark, 'mark', reservedInHeader);
    await sqld.stop();
    await sqld.start();
    await sleep(agedMs);
    // A greeting, the frame, and a greeting.
    expect(await countQuestions(async () => expect((await pull(here)).ids).toEqual([id]))).toBe(3);
    const [held] = descriptors();
    expect(
      readFileSync(`/proc/self/fd/${held}`).toString('latin1', reservedInHeader, reservedInHeader + 4),
    ).toBe('mark');
    // The frame that was looked at is not looked at again.
    await sleep(agedMs);
    expect(await countQuestions(() => pull(here))).toBe(1);
  });

  test('is not of the vault that had its name before', async () => {
    await start();
    for (let round = 0; round < 20; round += 1) await push(here);
    await settle(here);
    const there = await startOther();
    await there.pool.remove(vault);
    await there.pool.call(vault, 'open', undefined, { create: true });
    const ids = [await push(there)];
    await sleep(agedMs);
    expect((await pull(here)).ids).toEqual(ids);
    ids.push(await push(here));
    expect((await pull(here)).ids).toEqual(ids);
    await settle(here);
    expect((await pull(here)).ids).toEqual(ids);
  });

  test('of a vault that was put back shows the copy alone, and no cursor from before passes', async () => {
    await start();
    const before = await push(here);
    const there = await startOther();
    const file = join(there.directory, 'copy.db');
    await there.pool.backUp(vault, file);
    await push(here);
    await settle(here);
    const { cursor } = await pull(here);
    await there.pool.restore(vault, file, 'restored', { nowMs });
    await sleep(agedMs);
    expect((await pull(here)).ids).toEqual([before]);
    await settle(here);
    await expect(pull(here, { cursor })).rejects.toMatchObject({ code: 'sync.resync_required' });
    // And where this node itself puts it back, at once.
    await here.pool.restore(vault, file, 'restored', { nowMs });
    expect((await pull(here)).ids).toEqual([before]);
  });

  test('is whole also when the server has compacted its log', async () => {
    await start({ more: ['--max-log-size', '1', '--max-log-duration', '1'] });
    const payload = 'A'.repeat(8000);
    for (let round = 0; round < 150; round += 1) await push(here, { payload });
    await sleep(2500);
    await push(here, { payload });
    const fresh = await startNode(line.url);
    const all = (await pull(here)).ids;
    await settle(fresh);
    const found = await pullAll(fresh);
    expect(found).toHaveLength(151);
    expect(found.slice(0, all.length)).toEqual(all);
  }, 120_000);

  test('is fetched in several steps when the vault is large, and given up when it is larger than 64 MiB', async () => {
    await start();
    const payload = 'A'.repeat(600_000);
    const pushMany = async (count: number) => {
      for (let round = 0; round < count; round += 1) await push(here, { payload });
    };
    const readItems = async () => (await here.pool.call(vault, 'status', undefined)).items;
    await pushMany(25);
    let reads = 0;
    while ((await countQuestions(readItems)) > 0) reads += 1;
    expect(reads).toBeGreaterThan(3);
    expect(await readItems()).toBe(25);
    await pushMany(90);
    for (let round = 0; round < 40; round += 1) expect(await readItems()).toBe(115);
    // The read itself, and the end of its conversation.
    expect(await countQuestions(readItems)).toBe(2);
    expect(descriptors()).toEqual([]);
  }, 120_000);

  test('that was damaged is thrown away, and nobody notices', async () => {
    await start();
    const pushed = [await push(here)];
    await settle(here);
    const [fd = ''] = descriptors();
    const damage = openSync(`/proc/self/fd/${fd}`, 'r+');
    writeSync(damage, Buffer.alloc(200_000, 'damage'), 0, 200_000, 0);
    pushed.push(await push(here));
    for (let round = 0; round < 5; round += 1) expect((await pull(here)).ids).toEqual(pushed);
    await settle(here);
    expect((await pull(here)).ids).toEqual(pushed);
  });

  test('has no name on the disk, is one of so many, and is gone with its vault and with the service', async () => {
    await start({ openMax: 3 });
    const names = [vault];
    for (let round = 0; round < 7; round += 1) names.push(await createVault(here));
    for (const name of names) {
      await push(here, { name });
      await pull(here, { name });
      await pull(here, { name });
    }
    expect(readdirSync(join(here.directory, 'replicas'))).toEqual([]);
    expect(here.pool.stats().replicas).toBe(3);
    expect(descriptors()).toHaveLength(6);
    await here.pool.remove(names.at(-1) ?? '');
    expect(here.pool.stats().replicas).toBe(2);
    expect(descriptors()).toHaveLength(4);
    await here.pool[Symbol.asyncDispose]();
    expect(descriptors()).toEqual([]);
  });

  test('is read with the token that the server asks for', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const authToken = mintSqldToken(privateKey);
    await start({ publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(), authToken });
    const id = await push(here);
    await settle(here);
    expect((await pull(here)).ids).toEqual([id]);
  });

  test('is left alone where the server shows no log: every read asks the primary, and is answered', async () => {
    await start();
    // How a greeting begins.
    line.misbehave({ concerning: '\0\0\0\0\x02\x08\x01', how: { status: 404 } });
    const id = await push(here);
    for (let round = 0; round < 3; round += 1) expect((await pull(here)).ids).toEqual([id]);
    expect(here.pool.stats().remoteFailures).toBe(0);
  });

  test('never goes backwards, and lacks nothing that its node was told, whoever writes and however often the server dies', async () => {
    await start();
    const nodes = [here, await startOther(), await startOther()];
    const acknowledged = nodes.map(() => [] as string[]);
    const endsAt = performance.now() + 12_000;
    const isOn = () => performance.now() < endsAt;

    const writers = nodes.map(async (node, at) => {
      while (isOn()) {
        await push(node).then(
          (id) => acknowledged[at]?.push(id),
          () => sleep(20),
        );
      }
    });
    let answered = 0;
    const readers = nodes.map(async (node, at) => {
      let last: readonly string[] = [];
      while (isOn()) {
        const known = [...(acknowledged[at] ?? [])].slice(-400);
        const ids = await pullAll(node).catch(() => undefined);
        if (ids === undefined) {
          await sleep(20);
          continue;
        }
        answered += 1;
        expect(ids.slice(0, last.length)).toEqual(last);
        expect(lacking(ids, known)).toEqual([]);
        last = ids;
      }
    });
    const killer = (async () => {
      while (isOn()) {
        await sleep(1500);
        await sqld.kill();
        await sleep(300);
        await sqld.start();
      }
    })();
    await Promise.all([...writers, ...readers, killer]);
    expect(answered).toBeGreaterThan(50);
    await sleep(agedMs);
    const all = await Promise.all(nodes.map(pullAll));
    expect(lacking(all[0] ?? [], acknowledged.flat())).toEqual([]);
    for (const ids of all) expect(ids).toEqual(all[0]);
  }, 120_000);
});

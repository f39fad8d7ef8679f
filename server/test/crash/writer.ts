/** A device that pushes without a pause and remembers what it was told, to compare it with the vault after a crash. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Change, ChangeOut, Kind, PullResponse, PushResponse } from '@alcove/contract';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import type { Person } from '../../src/testing/index.ts';
import type { Link } from './link.ts';

interface Batch {
  readonly changes: readonly Change[];
  /** Every second batch carries a key, so that both ways of repeating a push are tried. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Writer {
  /** Pushes one batch after the other until the server dies. */
  pushUntilCut(link: Link): Promise<void>;
  /** Compares the vault with what was acknowledged, and sends again what was not. Throws where something is wrong. */
  checkAndResend(link: Link): Promise<void>;
  readonly figures: { acknowledged: number; cut: number; cutButWritten: number };
}

const kinds: readonly Kind[] = ['entry', 'memory', 'tag'];

export async function createWriter(link: Link, person: Person): Promise<Writer> {
  const deviceId = person.device.id;
  const authorization = `Bearer ${person.tokens.accessToken}`;
  /** By item: its newest acknowledged version. */
  const held = new Map<string, Change>();
  const figures = { acknowledged: 0, cut: 0, cutButWritten: 0 };
  let pending: Batch | undefined;
  let counter = 0;
  // Taken while the vault is empty: pulled from here, it tells of deleted items too.
  const origin = (await pullPage(undefined)(link)).cursor;

  function createBatch(): Batch {
    const known = [...held.values()].filter(({ op }) => op === 'put');
    const start = randomInt(Math.max(1, known.length));
    const edited = known.slice(start, start + 3).map((item, at) => nextVersion(item, at === 2));
    const added = Array.from({ length: randomInt(1, 20) }, () =>
      nextVersion({ id: randomUUID(), kind: kinds[randomInt(3)] ?? 'entry', clock: {} }, false),
    );
    return {
      changes: [...added, ...edited],
      headers: { authorization, ...(counter % 2 === 0 ? { 'idempotency-key': randomUUID() } : {}) },
    };
  }

  function nextVersion(
    { id, kind, clock }: Pick<Change, 'id' | 'kind' | 'clock'>,
    isDelete: boolean,
  ): Change {
    counter += 1;
    return {
      id,
      kind,
      op: isDelete ? 'delete' : 'put',
      clock: { ...clock, [deviceId]: counter },
      time: formatHybridTime(Date.now(), 0),
      epoch: 1,
      ...(isDelete ? {} : { payload: randomBytes(randomInt(20, 800)).toString('base64url') }),
    };
  }

  function acknowledge({ changes }: Batch): void {
    for (const change of changes) held.set(change.id, change);
    figures.acknowledged += changes.length;
    pending = undefined;
  }

  function pullPage(cursor: string | undefined) {
    return async (link: Link): Promise<PullResponse> => {
      const query = new URLSearchParams({ limit: '500', ...(cursor === undefined ? {} : { cursor }) });
      return (await link.ask(200, 'GET', `/sync/pull?${query}`, undefined, { authorization })).body;
    };
  }

  async function pullAll(link: Link): Promise<ChangeOut[]> {
    const changes: ChangeOut[] = [];
    for (let cursor: string | undefined = origin; cursor !== undefined; ) {
      const page: PullResponse = await pullPage(cursor)(link);
      changes.push(...page.changes);
      cursor = page.hasMore ? page.cursor : undefined;
    }
    return changes;
  }

  /** Whether the batch that was cut off is in the vault: wholly, or not at all. */
  function findFate(vault: ReadonlyMap<string, ChangeOut>, { changes }: Batch): boolean {
    const written = changes.filter((change) => isSame(vault.get(change.id), change));
    if (written.length === 0) return false;
    if (written.length === changes.length) return true;
    throw new Error(`of a push that was cut off, ${written.length} of ${changes.length} changes are there`);
  }

  function compare(vault: ReadonlyMap<string, ChangeOut>, expected: ReadonlyMap<string, Change>): void {
    for (const [id, change] of expected) {
      if (!isSame(vault.get(id), change))
        throw new Error(`an acknowledged change is not there: ${id} ${JSON.stringify(change.clock)}`);
    }
    for (const id of vault.keys()) {
      if (!expected.has(id)) throw new Error(`the vault holds an item that nobody pushed: ${id}`);
    }
  }

  async function resend(link: Link, batch: Batch, isWritten: boolean): Promise<void> {
    const answer = await link.ask(200, 'POST', '/sync/push', { changes: batch.changes }, batch.headers);
    const isReplay = answer.headers.get('idempotency-replayed') === 'true';
    if (isReplay !== (isWritten && 'idempotency-key' in batch.headers))
      throw new Error('an answer is replayed exactly when its request had taken effect under a key');
    requireStatus(answer.body, isWritten && !isReplay ? 'duplicate' : 'applied');
    acknowledge(batch);
  }

  return {
    figures,
    async pushUntilCut(link) {
      for (;;) {
        pending = createBatch();
        const answer = await link.call('POST', '/sync/push', { changes: pending.changes }, pending.headers);
        if (answer === undefined) return;
        if (answer.status !== 200) throw new Error(`a push was answered ${JSON.stringify(answer.body)}`);
        requireStatus(answer.body, 'applied');
        acknowledge(pending);
      }
    },
    async checkAndResend(link) {
      const changes = await pullAll(link);
      const vault = new Map(changes.map((change) => [change.id, change]));
      if (vault.size !== changes.length) throw new Error('the vault answers an item twice');
      const cut = pending;
      if (cut === undefined) return compare(vault, held);
      const isWritten = findFate(vault, cut);
      const beyond = isWritten ? cut.changes.map((change) => [change.id, change] as const) : [];
      compare(vault, new Map([...held, ...beyond]));
      figures.cut += 1;
      if (isWritten) figures.cutButWritten += 1;
      await resend(link, cut, isWritten);
    },
  };
}

function isSame(found: ChangeOut | undefined, sent: Change): boolean {
  if (found === undefined) return false;
  const { id, kind, op, clock, time, epoch, payload } = found;
  return isDeepStrictEqual(
    { id, kind, op, clock, time, epoch, ...(payload === undefined ? {} : { payload }) },
    sent,
  );
}

function requireStatus({ results }: PushResponse, status: 'applied' | 'duplicate'): void {
  const other = results.find((result) => result.status !== status);
  if (other !== undefined) throw new Error(`${status} expected, got ${JSON.stringify(other)}`);
}

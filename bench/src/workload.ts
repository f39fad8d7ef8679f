/** What is pushed: random changes of several vaults, the same for every contender. */
import { randomBytes } from 'node:crypto';
import type { Change } from '@alcove/contract';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { createIds } from '../../server/src/platform/ids/index.ts';

export const vaultCount = 20;
export const changesPerBatch = 100;
const payloadBytes = 512;
/** As the SDK makes them. */
const ids = createIds({ now: Date.now });

export interface Batch {
  /** Which of the vaults it is for. */
  readonly vault: number;
  readonly deviceId: string;
  readonly changes: readonly Change[];
}

/** A source of batches for the vaults of these devices, in turn. No two changes are for one item. */
export function createBatchSource(deviceIds: readonly string[]): (count: number) => Batch[] {
  const counters = deviceIds.map(() => 0);

  function createBatch(position: number): Batch {
    const vault = position % deviceIds.length;
    const deviceId = deviceIds[vault] ?? '';
    const first = counters[vault] ?? 0;
    counters[vault] = first + changesPerBatch;
    const changes = Array.from({ length: changesPerBatch }, (_, at) =>
      createChange(deviceId, first + at + 1),
    );
    return { vault, deviceId, changes };
  }
  return (count) => Array.from({ length: count }, (_, position) => createBatch(position));
}

/** A change of a new item, or the next one of an item that is known. */
export function createChange(deviceId: string, counter: number, id: string = ids.uuid()): Change {
  return {
    id,
    kind: 'entry',
    op: 'put',
    clock: { [deviceId]: counter },
    time: formatHybridTime(Date.now(), 0),
    epoch: 1,
    payload: randomBytes(payloadBytes).toString('base64url'),
  };
}

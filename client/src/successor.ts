/**
 * How a store that is a copy of another one becomes a device of its own. The new device's keys and session grow in a
 * corner of the store, by the same pairing as any other device's, approved by the identity that the copy still holds. When
 * all is there, it takes the place of the old identity in one write; the original goes on as it was.
 */
import { approvePairing, claimOnce, type PairingStart, startPairing } from './pairing.ts';
import {
  type MemberIdentity,
  put,
  type RecordKey,
  type Records,
  recordKeys,
  remove,
  requireDevice,
  requireMember,
} from './records.ts';
import type { Session } from './session.ts';
import type { StorageWrite } from './storage/storage.ts';
import type { VaultStore } from './vault-store/index.ts';

const corner = 'successor/';

export interface SuccessorParts extends Omit<PairingStart, 'description'> {
  readonly session: Session;
  readonly store: VaultStore;
}

/** Goes on where an earlier call stopped. */
export async function takeNewIdentity(parts: SuccessorParts): Promise<void> {
  const { records, store } = parts;
  const successor = inCorner(records);
  if ((await successor.read(recordKeys.identity)) === undefined) {
    const { name, platform } = await requireDevice(records);
    const joining = { ...parts, records: successor, description: { name, platform } };
    const { code } = await startPairing(joining);
    await approvePairing(parts, code);
    await claimOnce(joining, {});
  }
  const identity = await requireMember(successor);
  await records.withLock('session', async () =>
    store.succeed(identity, await successionWrites(records, successor, identity)),
  );
}

/** Everything from the corner into its place. Epoch keys that are here already say more of where they came from. */
async function successionWrites(
  records: Records,
  successor: Records,
  identity: MemberIdentity,
): Promise<StorageWrite[]> {
  const device = await requireDevice(successor);
  const tokens = await successor.read(recordKeys.tokens);
  const held = new Set((await records.scan(recordKeys.epochs)).map(({ epoch }) => epoch));
  const epochs = await successor.scan(recordKeys.epochs);
  const fresh = epochs.filter(({ epoch }) => !held.has(epoch));
  const { identity: own, account, tokens: session, device: keys } = recordKeys;
  const left: RecordKey<unknown>[] = [
    ...[own, account, session, keys],
    ...epochs.map(({ epoch }) => recordKeys.epoch(epoch)),
  ];
  return [
    put(recordKeys.identity, identity),
    put(recordKeys.device, device),
    ...(tokens === undefined ? [] : [put(recordKeys.tokens, tokens)]),
    ...fresh.map((record) => put(recordKeys.epoch(record.epoch), record)),
    ...left.map((key) => remove(cornered(key))),
  ];
}

function inCorner(records: Records): Records {
  const moved = (batch: readonly StorageWrite[]) =>
    batch.map(({ key, value }) => ({ key: corner + key, value }));
  return {
    ...records,
    read: (key) => records.read(cornered(key)),
    scan: (prefix) => records.scan(cornered(prefix)),
    write: (batch) => records.write(moved(batch)),
    writeIf: (key, was, batch) => records.writeIf(cornered(key), was, moved(batch)),
  };
}

function cornered<T>(key: RecordKey<T>): RecordKey<T> {
  return { ...key, key: corner + key.key };
}

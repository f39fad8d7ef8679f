/** From versions as the server shows them to versions as they are kept, and back. */
import type { Change, ChangeOut, Version } from '@alcove/contract';
import { compareClocks } from '@alcove/contract/clock';
import { openContent, sealVersion } from '../edits.ts';
import { asFirst, type ItemRef, type StoredVersion } from '../items.ts';
import type { IsUnsynced } from '../queue.ts';
import type { IdentityRecord } from '../records.ts';
import type { StoreParts } from './parts.ts';

const nothing = '';

export interface Sealing {
  /** All versions that the server shows of an item. */
  openAll(
    change: ChangeOut,
    known: readonly StoredVersion[],
    isUnsynced: IsUnsynced,
    identity: IdentityRecord,
  ): Promise<StoredVersion[]>;
  /** A version that is known already is not opened again. */
  openVersion(
    item: ItemRef,
    version: Version,
    known: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StoredVersion>;
  /** Versions as their writers sealed them. */
  sealAgain(item: ItemRef, versions: readonly StoredVersion[], identity: IdentityRecord): Promise<Change[]>;
}

export function createSealing({ keyring }: Pick<StoreParts, 'keyring'>): Sealing {
  async function openAll(
    change: ChangeOut,
    known: readonly StoredVersion[],
    isUnsynced: IsUnsynced,
    identity: IdentityRecord,
  ) {
    // Under the clock of what still waits here, a copy of this store may have written something else.
    const opened = known.filter((version) => !isUnsynced(version));
    const shown = await Promise.all(
      versionsOf(change).map((version) => openVersion(change, version, opened, identity)),
    );
    return shown.map((version, at) => (at === 0 ? asFirst(version) : version));
  }

  async function openVersion(
    item: ItemRef,
    version: Version,
    known: readonly StoredVersion[],
    { accountId }: IdentityRecord,
  ): Promise<StoredVersion> {
    const { clock, time, deviceId, epoch, meta, deleted, payload = nothing } = version;
    const head = { clock, time, deviceId, epoch, deleted, ...(meta === undefined ? {} : { meta }) };
    const old = known.find((candidate) => isOpenCopy(candidate, head));
    if (old !== undefined) return { ...head, value: old.value };
    const key = await keyring.find(epoch);
    if (key === undefined) return { ...head, unopened: { code: 'keys.missing', payload } };
    const content = await openContent(key, accountId, item, head, payload);
    return { ...head, ...(content ?? { unopened: { code: 'vault.unreadable', payload } }) };
  }

  async function sealAgain(
    item: ItemRef,
    versions: readonly StoredVersion[],
    { accountId }: IdentityRecord,
  ): Promise<Change[]> {
    return Promise.all(versions.map((version) => sealVersion(item, version, accountId, keyring.find)));
  }

  return { openAll, openVersion, sealAgain };
}

/** What leads, and what stands beside it. */
export function versionsOf(change: ChangeOut): Version[] {
  return [change, ...(change.siblings ?? [])];
}

/** Whether this very version has been opened before: all that is sealed with it is the same. */
function isOpenCopy(known: StoredVersion, { clock, time, deviceId, epoch, deleted }: StoredVersion): boolean {
  return (
    known.unopened === undefined &&
    known.time === time &&
    known.deviceId === deviceId &&
    known.epoch === epoch &&
    known.deleted === deleted &&
    compareClocks(known.clock, clock) === 'equal'
  );
}

export function missingEpochs(versions: readonly StoredVersion[]): number[] {
  const missing = versions.filter(({ unopened }) => unopened?.code === 'keys.missing');
  return [...new Set(missing.map(({ epoch }) => epoch))];
}

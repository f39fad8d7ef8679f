/** Brings vaults from a file to a remote database and back; copies of remote ones become files in the same way. */
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';

import { backUp, keepCopy } from '../backup.ts';
import type { VaultDatabase } from '../database.ts';
import { vaultOnItsWay } from '../errors.ts';
import { incomingFile, makeFolder, prepareFolderOf, removeDatabase, vaultFile } from '../files.ts';
import type { VaultHome } from '../messages.ts';
import type { VaultMigration } from '../migrate.ts';
import type { OpenVaults } from '../open-vaults.ts';
import { prepareIncoming } from '../restore.ts';
import type { VaultDigest } from './copies.ts';
import type { RemoteVaults, RemoteWork } from './remote-vaults.ts';

export interface Mover {
  /**
   * Makes a copy at the other home. From then on the vault answers nobody where it was: not before its file is removed, or
   * somebody stays.
   */
  move(name: string, to: VaultHome): Promise<VaultDigest>;
  /** Gives the move up: the vault answers where it was. */
  stay(name: string, home: VaultHome): Promise<void>;
  /** Removes the copy that is not the vault any more. */
  removeCopy(name: string, home: VaultHome): Promise<void>;
  /** Whether the file of this vault must not be used. */
  isMoving(name: string): boolean;
  backUpRemote(name: string, file: string): Promise<{ readonly sizeBytes: number }>;
  /** Until `prepare` has marked the copy, the vault is as it was; from then on it answers nobody until it is the copy. */
  restoreRemote<T>(name: string, source: string, prepare: (vault: VaultDatabase) => T): Promise<T>;
}

export interface MoverParts {
  readonly directory: string;
  readonly vaults: OpenVaults;
  readonly getRemotes: () => RemoteVaults;
  readonly migrations: readonly VaultMigration[];
}

/** Looks that the vault may be used, and brings it up to date. */
const nothing: RemoteWork = { footprint: { writes: false, reads: [] }, run: () => undefined };

export function createMover({ directory, vaults, getRemotes, migrations }: MoverParts): Mover {
  /** Whoever still believes that such a vault is here must not write into what was copied already. */
  const underway = new Set<string>();
  const fileOf = (name: string) => vaultFile(directory, name);
  /** What is on its way lies beside the vault under this name. */
  const passingFile = (name: string) => `${fileOf(name)}.moving`;

  async function sendAway(name: string): Promise<VaultDigest> {
    const file = passingFile(name);
    vaults.visit(name, (vault) => backUp(vault, file));
    return getRemotes().upload(name, file);
  }

  async function fetchHome(name: string): Promise<VaultDigest> {
    const remotes = getRemotes();
    await remotes.freeze(name);
    const file = passingFile(name);
    prepareFolderOf(file);
    const digest = await remotes.download(name, file);
    vaults.restore(name, file, () => undefined);
    return digest;
  }

  return {
    async move(name, to) {
      if (underway.has(name)) throw vaultOnItsWay();
      underway.add(name);
      try {
        if (to === 'remote') return await sendAway(name);
        const digest = await fetchHome(name);
        underway.delete(name);
        return digest;
      } catch (error) {
        underway.delete(name);
        throw error;
      } finally {
        removeDatabase(passingFile(name));
      }
    },
    async stay(name, home) {
      if (home === 'remote') await getRemotes().thaw(name);
      underway.delete(name);
    },
    async removeCopy(name, home) {
      if (home === 'remote') return getRemotes().remove(name);
      vaults.remove(name);
      underway.delete(name);
    },
    isMoving: (name) => underway.has(name),
    async backUpRemote(name, file) {
      const partial = `${file}.partial`;
      makeFolder(dirname(file));
      await getRemotes().use(name, nothing, { create: false });
      await getRemotes().download(name, partial);
      chmodSync(partial, 0o600);
      return keepCopy(partial, file);
    },
    async restoreRemote(name, source, prepare) {
      const file = fileOf(name);
      const output = prepareIncoming(file, source, { migrations, prepare });
      await getRemotes().upload(name, incomingFile(file));
      removeDatabase(incomingFile(file));
      return output;
    },
  };
}

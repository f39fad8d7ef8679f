/** The vaults that one worker holds open: at most so many, the longest unused goes first. */
import { existsSync } from 'node:fs';
import { Failure } from '../errors/index.ts';
import { type OpenVault, openAsItLies, openDatabase, type VaultDatabase } from './database.ts';
import { vaultMissing } from './errors.ts';
import {
  appointIncoming,
  findFileId,
  prepareFolderOf,
  removeVaultFiles,
  syncFoldersOf,
  takeReplacement,
  vaultFile,
} from './files.ts';
import { hasLog, requireReadableLog } from './log-header.ts';
import { migrateVault, type VaultMigration } from './migrate.ts';
import { prepareIncoming } from './restore.ts';
import { findDiskFailure } from './sqlite-errors.ts';

export interface OpenVaults {
  /** Lends the vault to `work`, opened if it was not: for `reads` as it lies. */
  use<T>(name: string, way: Opening, work: (vault: VaultDatabase) => T): T;
  /** Lends it for upkeep: what is not open is opened for this alone, so that it takes no place from a vault in use. */
  visit<T>(name: string, work: (vault: OpenVault) => T): T;
  /** Puts a copy in the vault's place, once `prepare` has marked it. Until that is decided, the vault stays as it is. */
  restore<T>(name: string, source: string, prepare: (vault: VaultDatabase) => T): T;
  remove(name: string): void;
  closeIdle(): void;
  closeAll(): void;
}

export interface OpenVaultsOptions {
  readonly directory: string;
  readonly migrations: readonly VaultMigration[];
  readonly openMax: number;
  readonly idleCloseMs: number;
  readonly onOpen: () => void;
  readonly onClose: () => void;
}

interface Opening {
  readonly create: boolean;
  /** Whether whoever opens it hardly ever writes. */
  readonly reads: boolean;
}

const toWrite: Opening = { create: false, reads: false };

interface Held {
  readonly vault: OpenVault;
  /** Which file was opened: a path may come to mean another one, or none. */
  readonly fileId: string | undefined;
  usedAtMs: number;
}

export function createOpenVaults(options: OpenVaultsOptions): OpenVaults {
  /** Least recently used first: a use takes its entry out and puts it at the end. */
  const held = new Map<string, Held>();

  function take(name: string, way: Opening): OpenVault {
    const entry = findInPlace(name) ?? openNow(name, way);
    if (!way.reads) entry.vault.becomeWritable();
    entry.usedAtMs = performance.now();
    held.delete(name);
    held.set(name, entry);
    closeWhere((_, count) => count > options.openMax);
    return entry.vault;
  }

  /** The operating system keeps a deleted file for whoever has it open; what is written there is lost when it is closed. */
  function findInPlace(name: string): Held | undefined {
    const entry = held.get(name);
    if (entry === undefined || entry.fileId === fileIdOf(name)) return entry;
    drop(name);
    throw vaultMissing('Its file was taken away while it was in use. Restore it from a backup.');
  }

  function openNow(name: string, way: Opening): Held {
    const vault = open(options, name, way);
    options.onOpen();
    return { vault, fileId: fileIdOf(name), usedAtMs: 0 };
  }

  const fileIdOf = (name: string) => findFileId(vaultFile(options.directory, name));

  function closeWhere(isDue: (entry: Held, count: number) => boolean): void {
    for (const [name, entry] of held) {
      if (!isDue(entry, held.size)) return;
      drop(name);
    }
  }

  function drop(name: string): void {
    const entry = held.get(name);
    if (entry === undefined) return;
    held.delete(name);
    closeQuietly(entry.vault);
    options.onClose();
  }

  function guard<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const failure = findDiskFailure(error);
      // After trouble with the disk a fresh handle recovers what can be recovered; the old one may not.
      if (failure !== undefined) drop(name);
      throw nameVault(failure ?? error, name);
    }
  }

  function visitClosed<T>(name: string, work: (vault: OpenVault) => T): T {
    const { vault } = openNow(name, toWrite);
    try {
      return work(vault);
    } finally {
      closeQuietly(vault);
      options.onClose();
    }
  }

  return {
    use: (name, way, work) => guard(name, () => work(take(name, way))),
    visit: (name, work) =>
      guard(name, () => {
        const entry = findInPlace(name);
        if (entry === undefined) return visitClosed(name, work);
        entry.vault.becomeWritable();
        return work(entry.vault);
      }),
    restore: (name, source, prepare) =>
      guard(name, () => {
        const file = vaultFile(options.directory, name);
        const prepared = prepareIncoming(file, source, { migrations: options.migrations, prepare });
        appointIncoming(file);
        drop(name);
        takeReplacement(file);
        syncFoldersOf(file);
        return prepared;
      }),
    remove(name) {
      drop(name);
      removeVaultFiles(vaultFile(options.directory, name));
    },
    closeIdle() {
      const usedBeforeMs = performance.now() - options.idleCloseMs;
      closeWhere((entry) => entry.usedAtMs <= usedBeforeMs);
    },
    closeAll() {
      closeWhere(() => true);
    },
  };
}

function open(options: OpenVaultsOptions, name: string, { create, reads }: Opening): OpenVault {
  const file = vaultFile(options.directory, name);
  takeReplacement(file);
  const isNew = !existsSync(file);
  if (isNew && !create) throw vaultMissing('Its file is gone. Restore it from a backup.');
  if (isNew) prepareFolderOf(file);
  const wasCutOff = hasLog(file);
  if (wasCutOff) requireReadableLog(file);
  const vault = reads && !isNew && !wasCutOff ? openAsItLies(file) : openDatabase(file, { create });
  try {
    migrateVault(vault, options.migrations, { create });
    if (create) syncFoldersOf(file);
    return vault;
  } catch (error) {
    closeQuietly(vault);
    throw error;
  }
}

/** Whose vault failed is nobody's business but the operator's, so its name goes into the cause, which only the log shows. */
function nameVault(error: unknown, name: string): unknown {
  if (!(error instanceof Failure) || error.status < 500) return error;
  const { code, status, title, message, extensions, headers } = error;
  const cause = new Error(`in the vault ${name}`, { cause: error.cause });
  return new Failure(code, status, title, { detail: message, extensions, headers, cause });
}

/** A checkpoint may fail on a full or broken disk. The log stays beside the file then, and the next open reads it. */
function closeQuietly(vault: OpenVault): void {
  try {
    vault.close();
  } catch {
    // Nothing is lost: what was committed is in the log.
  }
}

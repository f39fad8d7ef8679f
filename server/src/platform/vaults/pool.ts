/**
 * Vaults: many small SQLite databases behind worker threads, because the driver is synchronous and the main loop must
 * never wait for a disk. A vault's name decides its worker, so each vault has exactly one writer.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../telemetry/index.ts';
import type { backUp } from './backup.ts';
import type { VaultDatabase } from './database.ts';
import { vaultUnavailable } from './errors.ts';
import { isVaultName } from './files.ts';
import { createLane, type Lane } from './lane.ts';
import type { VaultHome, VaultRequest } from './messages.ts';
import { newestVersion, readVaultMigrations } from './migrate.ts';
import { findNetworkShare } from './network-share.ts';
import type { VaultDigest } from './remote/copies.ts';
import type { RemoteVaultsOptions } from './remote/databases.ts';
import { createTroubles } from './troubles.ts';

/** What a program exports as `operations`. An input's and an output's own `Uint8Array` members change threads uncopied. */
export type Operations = { readonly [name: string]: (vault: VaultDatabase, input: never) => unknown };

export interface VaultPool<O extends Operations> extends AsyncDisposable {
  /**
   * Runs one operation of the program on one vault. `create` makes a vault that is not there yet; without it a missing
   * file is the failure `vault.missing`. Bytes in `input` are gone for the caller afterwards.
   */
  call<K extends keyof O & string>(
    name: string,
    operation: K,
    input: Parameters<O[K]>[1],
    options?: { create?: boolean },
  ): Promise<ReturnType<O[K]>>;
  /** Runs an operation for upkeep: behind whatever people ask for, and without keeping the vault open. */
  visit<K extends keyof O & string>(
    name: string,
    operation: K,
    input: Parameters<O[K]>[1],
  ): Promise<ReturnType<O[K]>>;
  /** The schema that every vault has once it has been opened. */
  readonly newestVersion: number;
  /** Brings the vault to the newest schema, behind whatever people ask for, and without keeping it open. */
  migrate(name: string): Promise<void>;
  /** Writes the vault as it is at some moment of this call to a file on this machine. */
  backUp(name: string, file: string): Promise<{ readonly sizeBytes: number }>;
  /**
   * Puts a copy in the vault's place, or where there was no vault. `operation` runs on the copy first, to mark it as what it
   * is; whatever goes wrong until then leaves the vault as it was.
   */
  restore<K extends keyof O & string>(
    name: string,
    source: string,
    operation: K,
    input: Parameters<O[K]>[1],
  ): Promise<ReturnType<O[K]>>;
  /**
   * Makes a copy of the vault at its other home and proves that it is the same. From then on the vault answers nobody where
   * it was. Who asked writes down that it is the copy now and calls `removeCopy` for the other one, or calls `stay`.
   */
  move(name: string, from: VaultHome, to: VaultHome): Promise<VaultDigest>;
  stay(name: string, home: VaultHome): Promise<void>;
  removeCopy(name: string, home: VaultHome): Promise<void>;
  /** Closes the vault and removes its files. Doing it twice is the same as doing it once. */
  remove(name: string): Promise<void>;
  /** Rejects when a worker does not answer or the folder cannot be written. */
  probe(): Promise<void>;
  stats(): VaultStats;
}

export interface VaultStats {
  readonly workers: number;
  readonly open: number;
  readonly openedTotal: number;
  readonly outstanding: number;
  /** Open replicas of remote vaults. */
  readonly replicas: number;
  /** How many calls the machine that holds remote vaults has failed since it last served one. */
  readonly remoteFailures: number;
}

export interface VaultPoolOptions {
  /** Folder of all vaults, made when it is missing. */
  readonly directory: string;
  /** The module that holds the operations, and in `readings` the names of those that hardly ever write; each worker imports it. */
  readonly program: URL;
  /** Folder of numbered files, each exporting `up`: the schema of every vault. */
  readonly migrations: URL;
  readonly workers: number;
  /** How many vaults are open at once over all workers; each costs two descriptors and a page cache. */
  readonly openMax: number;
  readonly idleCloseMs: number;
  /** Where vaults lie that are not files of this machine; undefined where there are none. */
  readonly remote?: RemoteVaultsOptions | undefined;
  /** Where a vault lies, asked before each call. */
  readonly homeOf?: (name: string) => Promise<VaultHome>;
  readonly log: Logger;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Way = 'send' | 'sendBehind';
type HomelessRequest = DistributiveOmit<VaultRequest, 'vault' | 'home'>;

export async function createVaultPool<O extends Operations>(
  options: VaultPoolOptions,
): Promise<VaultPool<O>> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  rmSync(replicaFolder(options), { recursive: true, force: true });
  warnOfNetworkShare(options);
  const migrations = await readVaultMigrations(options.migrations);
  const remoteFailures = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const lanes = await startLanes(options, remoteFailures);
  const troubles = createTroubles(options.log);
  let isClosed = false;

  async function send(name: string, request: HomelessRequest, way?: Way): Promise<unknown> {
    const home = options.homeOf === undefined ? 'local' : await options.homeOf(name);
    return sendTo(home, name, request, way);
  }

  async function sendTo(home: VaultHome, name: string, request: HomelessRequest, way: Way = 'send') {
    if (isClosed) throw vaultUnavailable('The service is stopping.');
    try {
      const output = await laneOf(lanes, name)[way]({ ...request, vault: name, home });
      troubles.clear(name);
      return output;
    } catch (error) {
      throw troubles.report(name, error);
    }
  }

  return {
    call: async <K extends keyof O & string>(
      vault: string,
      operation: K,
      input: Parameters<O[K]>[1],
      { create = false }: { create?: boolean } = {},
    ) => {
      const output = await send(vault, { kind: 'call', operation, input, create });
      // The worker ran the very function whose type this is.
      return output as ReturnType<O[K]>;
    },
    visit: async <K extends keyof O & string>(vault: string, operation: K, input: Parameters<O[K]>[1]) =>
      (await send(vault, { kind: 'visit', operation, input }, 'sendBehind')) as ReturnType<O[K]>,
    newestVersion: newestVersion(migrations),
    async migrate(vault) {
      await send(vault, { kind: 'migrate' }, 'sendBehind');
    },
    async backUp(vault, file) {
      const output = await send(vault, { kind: 'backup', file }, 'sendBehind');
      return output as ReturnType<typeof backUp>;
    },
    restore: async <K extends keyof O & string>(
      vault: string,
      source: string,
      operation: K,
      input: Parameters<O[K]>[1],
    ) => (await send(vault, { kind: 'restore', source, operation, input })) as ReturnType<O[K]>,
    async move(vault, from, to) {
      return (await sendTo(from, vault, { kind: 'move', to })) as VaultDigest;
    },
    async stay(vault, home) {
      await sendTo(home, vault, { kind: 'stay' });
    },
    async removeCopy(vault, home) {
      await sendTo(home, vault, { kind: 'remove-copy' });
    },
    async remove(vault) {
      await sendTo('local', vault, { kind: 'remove' });
    },
    async probe() {
      await Promise.all(lanes.map((lane) => lane.send({ kind: 'probe' })));
    },
    stats: () => ({
      workers: lanes.length,
      open: sum(lanes, (lane) => lane.openCount()),
      openedTotal: sum(lanes, (lane) => lane.openedTotal()),
      outstanding: sum(lanes, (lane) => lane.outstanding()),
      replicas: sum(lanes, (lane) => lane.replicaCount()),
      remoteFailures: Atomics.load(new Int32Array(remoteFailures), 0),
    }),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

/** A process that died while it made one may have left an empty file. */
const replicaFolder = ({ directory }: VaultPoolOptions): string => join(directory, 'replicas');

function warnOfNetworkShare({ directory, log }: VaultPoolOptions): void {
  const share = findNetworkShare(directory);
  if (share === undefined) return;
  log.warn(
    { directory, fileSystem: share },
    'the vaults lie on a network share, where locks may not hold: put the data folder on a local disk',
  );
}

/** The first thread to start leaves what it compiled where the others find it: at a first start each saves 12 MB by it. */
async function startLanes(
  options: VaultPoolOptions,
  remoteFailures: SharedArrayBuffer,
): Promise<readonly Lane[]> {
  const workers = Math.max(1, options.workers);
  const start = () => createLane(laneOptions(options, workers, remoteFailures), options.log);
  const lanes = [start()];
  try {
    await lanes[0]?.ready;
    while (lanes.length < workers) lanes.push(start());
    await Promise.all(lanes.map((lane) => lane.ready));
    return lanes;
  } catch (error) {
    await Promise.all(lanes.map((lane) => lane.close()));
    throw error;
  }
}

function laneOptions(options: VaultPoolOptions, workers: number, remoteFailures: SharedArrayBuffer) {
  const { remote } = options;
  return {
    remote: remote && { ...remote, concurrencyMax: Math.max(1, Math.ceil(remote.concurrencyMax / workers)) },
    directory: options.directory,
    program: options.program.href,
    migrations: options.migrations.href,
    openMax: Math.max(1, Math.floor(options.openMax / workers)),
    idleCloseMs: options.idleCloseMs,
    remoteFailures,
    replicas: replicaFolder(options),
  };
}

/** Names are random, so their digits spread vaults evenly. */
function laneOf(lanes: readonly Lane[], name: string): Lane {
  if (!isVaultName(name)) throw new TypeError('a vault name is 32 lower-case hex digits');
  const lane = lanes[Number.parseInt(name.slice(-8), 16) % lanes.length];
  if (lane === undefined) throw new Error('a vault pool has at least one worker');
  return lane;
}

function sum(lanes: readonly Lane[], of: (lane: Lane) => number): number {
  return lanes.reduce((total, lane) => total + of(lane), 0);
}

/** One thread that owns some of the vaults. It does one thing after another, so each vault has exactly one writer. */
import { accessSync, constants } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { releaseBytes } from '../bytes/index.ts';
import { backUp } from './backup.ts';
import type { VaultDatabase } from './database.ts';
import { vaultOnItsWay, vaultUnavailable } from './errors.ts';
import {
  counters,
  type Envelope,
  packError,
  packValue,
  type Reply,
  type Request,
  type VaultRequest,
  type WorkerOptions,
} from './messages.ts';
import { readVaultMigrations } from './migrate.ts';
import { createOpenVaults } from './open-vaults.ts';
import type { Footprint } from './remote/footprint.ts';
import { createMover } from './remote/mover.ts';
import { createRemoteVaults, type RemoteVaults } from './remote/remote-vaults.ts';

if (parentPort === null) throw new Error('this file runs as a worker thread only');
const port = parentPort;
const options: WorkerOptions = workerData;
const counts = new Int32Array(options.counters);
const remoteFailures = new Int32Array(options.remoteFailures);

const program = await import(options.program);
const operations: Record<string, (vault: VaultDatabase, input: unknown) => unknown> = program.operations;
const readings: ReadonlySet<string> = new Set(program.readings);
const footprints: Record<string, (input: unknown) => Footprint> = program.footprints ?? {};

const migrations = await readVaultMigrations(new URL(options.migrations));
const remotes =
  options.remote &&
  createRemoteVaults(options.remote, {
    migrations,
    onServed: () => Atomics.store(remoteFailures, 0, 0),
    onFailed: () => Atomics.add(remoteFailures, 0, 1),
    replicas: options.remote.replicas ? { directory: options.replicas, openMax: options.openMax } : undefined,
    onReplicaOpen: () => Atomics.add(counts, counters.replicas, 1),
    onReplicaClose: () => Atomics.sub(counts, counters.replicas, 1),
  });
const vaults = createOpenVaults({
  directory: options.directory,
  migrations,
  openMax: options.openMax,
  idleCloseMs: options.idleCloseMs,
  onOpen: () => Atomics.add(counts, counters.opened, 1),
  onClose: () => Atomics.add(counts, counters.closed, 1),
});
const mover = createMover({ directory: options.directory, vaults, getRemotes, migrations });
const closeIdle = () => {
  vaults.closeIdle();
  remotes?.closeIdle();
};
const sweep = setInterval(closeIdle, Math.max(10, options.idleCloseMs / 2));

const nothing: Footprint = { writes: false, reads: [] };

type Placed = Extract<VaultRequest, { kind: 'call' | 'visit' | 'migrate' | 'backup' | 'restore' }>;
type Named = { readonly operation: string; readonly input: unknown };

port.on('message', async ({ id, request }: Envelope) => {
  try {
    const output = run(request);
    // Nothing is awaited that is not remote: calls on files are done and answered in the order of their arrival.
    const { value, transfer } = packValue(output instanceof Promise ? await output : output);
    post({ kind: 'done', id, output: value }, transfer);
  } catch (error) {
    post({ kind: 'thrown', id, thrown: packError(error) });
  }
  if (request.kind === 'call') releaseInput(request.input);
  if (request.kind === 'close') port.close();
});
flushCompileCache();
post({ kind: 'ready' });

function post(reply: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(reply, transfer);
}

/** Its bytes came with the call and are this thread's own. */
function releaseInput(input: unknown): void {
  if (typeof input !== 'object' || input === null) return;
  for (const member of Object.values(input)) if (member instanceof Uint8Array) releaseBytes(member);
}

function run(request: Request): unknown {
  // Whoever waits has not been told yes. Working all of it off could take longer than a supervisor lets a stop take.
  if (request.kind !== 'close' && Atomics.load(counts, counters.stopping) === 1)
    throw vaultUnavailable('The service is stopping.');
  switch (request.kind) {
    case 'remove':
      return removeEverywhere(request.vault);
    case 'remove-copy':
      return mover.removeCopy(request.vault, request.home);
    case 'move':
      return mover.move(request.vault, request.to);
    case 'stay':
      return mover.stay(request.vault, request.home);
    case 'probe':
      return accessSync(options.directory, constants.R_OK | constants.W_OK | constants.X_OK);
    case 'close':
      clearInterval(sweep);
      vaults.closeAll();
      return remotes?.close();
    default:
      return request.home === 'remote' ? runRemotely(request) : runOnFile(request);
  }
}

function runOnFile(request: Placed): unknown {
  if (mover.isMoving(request.vault)) throw vaultOnItsWay();
  switch (request.kind) {
    case 'call': {
      const way = { create: request.create, reads: readings.has(request.operation) };
      return vaults.use(request.vault, way, operationOf(request));
    }
    case 'visit':
      return vaults.visit(request.vault, operationOf(request));
    case 'migrate':
      return vaults.visit(request.vault, () => undefined);
    case 'backup':
      return vaults.visit(request.vault, (vault) => backUp(vault, request.file));
    case 'restore':
      return vaults.restore(request.vault, request.source, operationOf(request));
  }
}

function runRemotely(request: Placed): Promise<unknown> {
  const { vault } = request;
  switch (request.kind) {
    case 'call':
      return useRemotely(request, { create: request.create });
    case 'visit':
      return useRemotely(request, { create: false });
    case 'migrate':
      return getRemotes().use(vault, { footprint: nothing, run: () => undefined }, { create: false });
    case 'backup':
      return mover.backUpRemote(vault, request.file);
    case 'restore':
      return mover.restoreRemote(vault, request.source, operationOf(request));
  }
}

function useRemotely(
  request: Named & { readonly vault: string },
  options: { create: boolean },
): Promise<unknown> {
  const work = { footprint: footprintOf(request), run: operationOf(request) };
  return getRemotes().use(request.vault, work, options);
}

/** Whoever removes a vault need not know where it lay, and a move that broke off may have left a copy. */
function removeEverywhere(vault: string): Promise<void> | undefined {
  vaults.remove(vault);
  return remotes?.remove(vault);
}

function operationOf({ operation: name, input }: Named): (vault: VaultDatabase) => unknown {
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) throw new Error(`the program has no operation named ${name}`);
  return (vault) => operation(vault, input);
}

function footprintOf({ operation: name, input }: Named): Footprint {
  const footprint = Object.hasOwn(footprints, name) ? footprints[name] : undefined;
  if (footprint === undefined) throw new Error(`the program does not say what ${name} reads`);
  return footprint(input);
}

function getRemotes(): RemoteVaults {
  if (remotes !== undefined) return remotes;
  throw vaultUnavailable('The vault lies on another machine, and this service is not told which.');
}

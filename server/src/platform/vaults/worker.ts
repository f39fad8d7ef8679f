/** One thread that owns some of the vaults. It does one thing after another, so each vault has exactly one writer. */
import { accessSync, constants } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { backUp } from './backup.ts';
import type { VaultDatabase } from './database.ts';
import { vaultUnavailable } from './errors.ts';
import {
  counters,
  type Envelope,
  packError,
  packValue,
  type Reply,
  type Request,
  type WorkerOptions,
} from './messages.ts';
import { readVaultMigrations } from './migrate.ts';
import { createOpenVaults } from './open-vaults.ts';

if (parentPort === null) throw new Error('this file runs as a worker thread only');
const port = parentPort;
const options: WorkerOptions = workerData;
const counts = new Int32Array(options.counters);

const program = await import(options.program);
const operations: Record<string, (vault: VaultDatabase, input: unknown) => unknown> = program.operations;

const vaults = createOpenVaults({
  directory: options.directory,
  migrations: await readVaultMigrations(new URL(options.migrations)),
  openMax: options.openMax,
  idleCloseMs: options.idleCloseMs,
  onOpen: () => Atomics.add(counts, counters.opened, 1),
  onClose: () => Atomics.add(counts, counters.closed, 1),
});
const sweep = setInterval(vaults.closeIdle, Math.max(10, options.idleCloseMs / 2));

port.on('message', ({ id, request }: Envelope) => {
  try {
    const { value, transfer } = packValue(run(request));
    post({ kind: 'done', id, output: value }, transfer);
  } catch (error) {
    post({ kind: 'thrown', id, thrown: packError(error) });
  }
  if (request.kind === 'close') port.close();
});
post({ kind: 'ready' });

function post(reply: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(reply, transfer);
}

function run(request: Request): unknown {
  // Whoever waits has not been told yes. Working all of it off could take longer than a supervisor lets a stop take.
  if (request.kind !== 'close' && Atomics.load(counts, counters.stopping) === 1)
    throw vaultUnavailable('The service is stopping.');
  switch (request.kind) {
    case 'call':
      return vaults.use(request.vault, request, (vault) =>
        getOperation(request.operation)(vault, request.input),
      );
    case 'remove':
      return vaults.remove(request.vault);
    case 'migrate':
      return vaults.visit(request.vault, () => undefined);
    case 'backup':
      return vaults.visit(request.vault, (vault) => backUp(vault, request.file));
    case 'restore':
      return vaults.restore(request.vault, request.source, (vault) =>
        getOperation(request.operation)(vault, request.input),
      );
    case 'probe':
      return accessSync(options.directory, constants.R_OK | constants.W_OK | constants.X_OK);
    case 'close':
      clearInterval(sweep);
      return vaults.closeAll();
  }
}

function getOperation(name: string) {
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) throw new Error(`the program has no operation named ${name}`);
  return operation;
}

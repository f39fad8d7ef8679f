import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OperatorLink, withOperatorLink } from './operator-link.ts';
import { RefusedError } from './refused.ts';
import type { Which } from './vaults.ts';

type Report = (line: string) => void;

/** As the service answers; see `contract/src/vaults.ts`. */
interface Progress {
  readonly schemaVersion: number;
  readonly total: number;
  readonly current: number;
  readonly waiting: number;
  readonly troubled: number;
  readonly untidy: number;
}
interface VaultState {
  readonly name: string;
  readonly trouble: { readonly code: string; readonly attempts: number; readonly retryAt: string } | null;
}
interface VaultList {
  readonly data: readonly VaultState[];
  readonly nextCursor: string | null;
}

const askedEveryMs = 200;

/** Each answers the exit code: 1 when something is left that an operator has to look at. */
export function showVaults(report: Report): Promise<number> {
  return withOperatorLink(async (link) => {
    const progress = await link.call<Progress>('GET', '/vaults/progress');
    report(describe(progress));
    if (progress.untidy > 0)
      report(`${progress.untidy} may have something to forget, and are looked at soon`);
    return listTroubles(link, report);
  });
}

export function migrateVaults(report: Report): Promise<number> {
  return withOperatorLink(async (link) => {
    let progress = await link.call<Progress>('POST', '/vaults/migrate');
    report(describe(progress));
    while (progress.waiting > 0) {
      await sleep(askedEveryMs);
      const before = progress;
      progress = await link.call<Progress>('GET', '/vaults/progress');
      if (progress.waiting !== before.waiting) report(describe(progress));
    }
    return listTroubles(link, report);
  });
}

export function backUpVaults(which: Which & { readonly to: string }, report: Report): Promise<number> {
  const directory = resolve(which.to);
  return forEachVault(which, report, `copied to ${directory}`, async (link, vault) => {
    const request = { vault, directory };
    const copy = await link.call<{ file: string; sizeBytes: number }>('POST', '/vaults/backup', request);
    return `${copy.file}  ${copy.sizeBytes} bytes`;
  });
}

export function restoreVaults(which: Which & { readonly from: string }, report: Report): Promise<number> {
  const from = resolve(which.from);
  return withOperatorLink((link) =>
    which.all ? restoreAll(link, from, report) : restoreOne(link, { ...which, file: from }, report),
  );
}

export function branchVaults(which: Which, report: Report): Promise<number> {
  return forEachVault(which, report, 'with a new history', async (link, vault) => {
    await link.call('POST', '/vaults/branch', { vault });
    return `${vault}  begins a new history`;
  });
}

export function moveVaults(which: Which & { readonly to: string }, report: Report): Promise<number> {
  return forEachVault(which, report, `${which.to} now`, async (link, vault) => {
    const request = { vault, home: which.to };
    const { rows, sha256 } = await link.call<{ rows: number | null; sha256: string | null }>(
      'POST',
      '/vaults/move',
      request,
    );
    return `${vault}  ${rows === null ? 'was there already' : `${rows} rows, SHA-256 ${sha256}`}`;
  });
}

/** Says of each what was done, and in the end to how many. One that is refused leaves the others alone. */
function forEachVault(
  which: Which,
  report: Report,
  outcome: string,
  act: (link: OperatorLink, vault: string) => Promise<string>,
): Promise<number> {
  return withOperatorLink(async (link) => {
    let [done, failed] = [0, 0];
    for await (const vault of namesOf(link, which)) {
      try {
        report(await act(link, vault));
        done += 1;
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        report(`${vault}  ${error.message}`);
        failed += 1;
      }
    }
    report(`${done} ${outcome}${failed === 0 ? '' : `, ${failed} not`}.`);
    return failed === 0 ? 0 : 1;
  });
}

async function restoreAll(link: OperatorLink, folder: string, report: Report): Promise<number> {
  let [done, failed] = [0, 0];
  for await (const { name } of listAll(link, '')) {
    try {
      await restoreOne(link, { vault: name, file: copyIn(folder, name) }, report);
      done += 1;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      report(`${name}  ${error.message}`);
      failed += 1;
    }
  }
  report(`${done} restored from ${folder}${failed === 0 ? '' : `, ${failed} not`}.`);
  return failed === 0 ? 0 : 1;
}

/** As `backup` writes them, or as they lie in a data folder that was copied as a whole. */
function copyIn(folder: string, name: string): string {
  const inDataFolder = join(folder, name.slice(0, 2), `${name}.db`);
  return existsSync(inDataFolder) ? inDataFolder : join(folder, `${name}.db`);
}

async function restoreOne(
  link: OperatorLink,
  request: {
    readonly file: string;
    readonly vault?: string | undefined;
    readonly account?: string | undefined;
  },
  report: Report,
): Promise<number> {
  const { file, vault, account } = request;
  const restored = await link.call<{ vault: string }>('POST', '/vaults/restore', { file, vault, account });
  report(`The vault ${restored.vault} holds the copy now.`);
  return 0;
}

async function* namesOf(link: OperatorLink, { vault, account }: Which): AsyncGenerator<string> {
  if (vault !== undefined) return yield vault;
  const filter = account === undefined ? '' : `account=${encodeURIComponent(account)}`;
  for await (const { name } of listAll(link, filter)) yield name;
}

async function listTroubles(link: OperatorLink, report: Report): Promise<number> {
  let count = 0;
  for await (const { name, trouble } of listAll(link, 'only=troubled')) {
    count += 1;
    report(`${name}  ${trouble?.code}, ${trouble?.attempts} attempts, tried again after ${trouble?.retryAt}`);
  }
  return count === 0 ? 0 : 1;
}

async function* listAll(link: OperatorLink, filter: string): AsyncGenerator<VaultState> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: VaultList = await link.call('GET', `/vaults?limit=200&${filter}${cursor}`);
    yield* page.data;
    cursor = page.nextCursor === null ? null : `&cursor=${page.nextCursor}`;
  }
}

function describe({ schemaVersion, total, current, waiting, troubled }: Progress): string {
  return `${current} of ${total} vaults at schema ${schemaVersion}, ${waiting} waiting, ${troubled} in trouble`;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DataFolderError } from '../lock/index.ts';
import { createDatabase } from './index.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-embedded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

const open = (directory: string) => createDatabase({ directory, onError: () => {} });

const embeddedSource = new URL('./index.ts', import.meta.url).href;
const holdSource = new URL('./fixtures/hold-initialise.ts', import.meta.url).href;

/** A folder in which the processes that make files say that they stopped in the middle, and are told to go on. */
function holdInitialising() {
  const signals = temporaryFolder();
  vi.stubEnv('TEST_HOLD', signals);
  vi.stubEnv('NODE_OPTIONS', `--import=${holdSource}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return {
    /** The process that stopped beside `others`. */
    async waitForNext(...others: readonly number[]): Promise<number> {
      const pids = () =>
        readdirSync(signals)
          .flatMap((name) => /^held-(\d+)$/.exec(name)?.[1] ?? [])
          .map(Number);
      const findNext = () => pids().find((pid) => !others.includes(pid));
      await vi.waitFor(() => expect(findNext()).toBeDefined(), patience);
      return findNext() ?? 0;
    },
    /** Every file that the process has made so far, and when it was last written. */
    filesOf(pid: number): string[] {
      const directory = readFileSync(join(signals, `held-${pid}`), 'utf8');
      return readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .map((name) => `${name} ${statSync(join(directory, name)).mtimeMs}`)
        .sort();
    },
    letGo: (pid: number) => writeFileSync(join(signals, `go-${pid}`), ''),
  };
}

function startElsewhere(folder: string): ChildProcess {
  const program = `
    import { createDatabase } from ${JSON.stringify(embeddedSource)};
    await createDatabase({ directory: ${JSON.stringify(join(folder, 'control'))}, onError() {} });
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Making the files takes seconds of computing, and here it is done twice at once. */
const timeoutMs = 120_000;
const patience = { timeout: timeoutMs / 4, interval: 5 };

test("a first start that was killed is in nobody's way: what it left writes on, and into no other's files", {
  timeout: timeoutMs,
}, async () => {
  const folder = temporaryFolder();
  const held = holdInitialising();
  const killed = startElsewhere(folder);
  const orphan = await held.waitForNext();
  killed.kill('SIGKILL');
  await once(killed, 'exit');

  const opening = open(join(folder, 'control'));
  const second = await held.waitForNext(orphan);
  const filesBefore = held.filesOf(second);
  held.letGo(orphan);
  await vi.waitFor(() => expect(isRunning(orphan)).toBe(false), patience);
  expect(held.filesOf(second)).toEqual(filesBefore);
  held.letGo(second);
  await using database = await opening;
  await database.asOwner(async () => undefined);
  expect(readdirSync(folder)).toEqual(['control']);
});

test('damaged files of the database are refused with a sentence that names them', {
  timeout: timeoutMs,
}, async () => {
  const directory = join(temporaryFolder(), 'control');
  await (await open(directory))[Symbol.asyncDispose]();
  truncateSync(join(directory, 'global', 'pg_control'), 100);
  const refused = open(directory);
  await expect(refused).rejects.toThrow(DataFolderError);
  await expect(refused).rejects.toThrow(`The control database in ${directory} cannot be opened`);
});

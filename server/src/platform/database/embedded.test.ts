import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
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

/** Kills a first start while the database's files are being made. */
async function killFirstStart(folder: string): Promise<void> {
  const program = `
    import { createDatabase } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    await createDatabase({ directory: ${JSON.stringify(join(folder, 'control'))}, onError() {} });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  await vi.waitFor(
    () => expect(unfinishedIn(folder).some((name) => existsSync(join(name, 'base')))).toBe(true),
    {
      timeout: timeoutMs / 3,
      interval: 5,
    },
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const unfinishedIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.startsWith('control.unfinished'))
    .map((name) => join(folder, name));

/** Making the files takes seconds of computing, and here it is done twice at once. */
const timeoutMs = 120_000;

test("a first start that was killed is in nobody's way, and its process ends and clears up", {
  timeout: timeoutMs,
}, async () => {
  const folder = temporaryFolder();
  await killFirstStart(folder);
  await using database = await open(join(folder, 'control'));
  await database.asOwner(async () => undefined);
  await vi.waitFor(() => expect(readdirSync(folder)).toEqual(['control']), {
    timeout: timeoutMs / 3,
    interval: 50,
  });
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

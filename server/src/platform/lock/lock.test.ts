import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../clock/index.ts';
import { DataFolderError, lockDataFolder, prepareDataFolder, refuseLostControl } from './index.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function holderProcess(folder: string): Promise<ChildProcess> {
  const program = `
    import { lockDataFolder } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    globalThis.lock = lockDataFolder(${JSON.stringify(folder)}, { now: () => Date.UTC(2026, 10, 20) });
    console.log('locked');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

function writeIn(folder: string, file: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), '');
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('a second process is refused with a sentence that names the first, its start and the folder', async () => {
  const folder = temporaryFolder();
  const { pid } = await holderProcess(folder);
  expect(() => lockDataFolder(folder, systemClock)).toThrow(
    `Another Alcove (process ${pid}, started 2026-11-20T00:00:00.000Z) already uses ${folder}. Stop it, or point ALCOVE_DATA_DIR elsewhere.`,
  );
});

test('a holder that was killed leaves nothing to clean up', async () => {
  const folder = temporaryFolder();
  const child = await holderProcess(folder);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await using lock = lockDataFolder(folder, systemClock);
  expect(lock).toBeDefined();
});

test('a second server in the same process is refused too', async () => {
  const folder = temporaryFolder();
  await using _lock = lockDataFolder(folder, systemClock);
  expect(() => lockDataFolder(folder, systemClock)).toThrow(DataFolderError);
});

test('a folder that was let go can be taken again', async () => {
  const folder = temporaryFolder();
  await lockDataFolder(folder, systemClock)[Symbol.asyncDispose]();
  await using lock = lockDataFolder(folder, systemClock);
  expect(lock).toBeDefined();
});

test('removing the lock file of a running service does not let a second one in', async () => {
  const folder = temporaryFolder();
  const { pid } = await holderProcess(folder);
  rmSync(join(folder, 'alcove.lock'));
  const refused = `Another Alcove (process ${pid}, started 2026-11-20T00:00:00.000Z) already uses ${folder}.`;
  expect(() => lockDataFolder(folder, systemClock)).toThrow(refused);
  expect(() => lockDataFolder(folder, systemClock)).toThrow(refused);
});

test('a damaged lock file is not taken for another process', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'alcove.lock');
  writeFileSync(file, 'x'.repeat(5000));
  expect(() => lockDataFolder(folder, systemClock)).toThrow(`${file} is damaged. It holds no data`);
});

test('a folder that takes no lock file is refused with a sentence, and not as in use', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'alcove.lock'));
  expect(() => lockDataFolder(folder, systemClock)).toThrow(
    `${join(folder, 'alcove.lock')} cannot be written (unable to open database file).`,
  );
});

test('a refusal does not need the file that names the holder', async () => {
  const folder = temporaryFolder();
  await using _lock = lockDataFolder(folder, systemClock);
  writeFileSync(join(folder, 'alcove.lock.json'), '{"pid":');
  expect(() => lockDataFolder(folder, systemClock)).toThrow(`Another Alcove already uses ${folder}.`);
});

test('a new data folder, parents included, is for its owner alone', () => {
  const folder = join(temporaryFolder(), 'deep', 'data');
  prepareDataFolder(folder);
  expect(modeOf(folder)).toBe(0o700);
});

test('an empty folder that was made beforehand is closed to others', () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'lost+found'));
  prepareDataFolder(folder);
  expect(modeOf(folder)).toBe(0o700);
});

test('an open folder with foreign files is refused and left as it is', () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'holiday.jpg'), '');
  expect(() => prepareDataFolder(folder)).toThrow('Give ALCOVE_DATA_DIR a folder of its own.');
  expect(modeOf(folder)).toBe(0o755);
});

test('a place where no folder can be made is refused with a sentence', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  expect(() => prepareDataFolder(join(file, 'data'))).toThrow('cannot be made. Point ALCOVE_DATA_DIR');
});

test.each([
  ['vaults', 'vaults/ab/abcd.db'],
  ['a master key', 'master.key'],
])('%s without a control database is a loss, and not a first start', (what, file) => {
  const folder = temporaryFolder();
  writeIn(folder, file);
  expect(() => refuseLostControl(folder)).toThrow(`${folder} holds ${what}, but the control database`);
  mkdirSync(join(folder, 'control'));
  expect(() => refuseLostControl(folder)).toThrow('To start anew on purpose, move the folder away first.');
});

test('a first start is no loss, nor one that was cut short after its database was made', async () => {
  const folder = temporaryFolder();
  await using _lock = lockDataFolder(folder, systemClock);
  refuseLostControl(folder);
  writeIn(folder, 'control/PG_VERSION');
  writeIn(folder, 'master.key');
  expect(() => refuseLostControl(folder)).not.toThrow();
});

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import {
  createMasterKey,
  loadMasterKeys,
  readOrCreateSecretFile,
  Secret,
  SecretFileError,
  writeMasterKeyTexts,
} from './index.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-key-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const textOf = (byte: number) => Buffer.alloc(32, byte).toString('base64url');
const load = (dataDir: string, dataExists = false, setting?: Secret) =>
  loadMasterKeys({ setting, dataDir }, dataExists);
const bytesOf = (key: ReturnType<typeof createMasterKey>, purpose: string) =>
  key.derive(purpose).export().toString('hex');

test('the first start makes a key file that only its owner may read, later starts find the same key', async () => {
  const dataDir = temporaryFolder();
  const [first] = await load(dataDir);
  expect(statSync(join(dataDir, 'master.key')).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(['master.key']);
  const [second] = await load(dataDir, true);
  expect(bytesOf(second, 'x')).toBe(bytesOf(first, 'x'));
});

test('a lost key file is not replaced while data exists that it encrypted', async () => {
  const dataDir = temporaryFolder();
  await expect(load(dataDir, true)).rejects.toThrow('Restore it from a backup.');
  expect(readdirSync(dataDir)).toEqual([]);
});

test.each([0o640, 0o604, 0o644, 0o666])(
  'a key file of mode %o is refused with the command that mends it',
  async (mode) => {
    const dataDir = temporaryFolder();
    await load(dataDir);
    const path = join(dataDir, 'master.key');
    chmodSync(path, mode);
    await expect(load(dataDir)).rejects.toThrow(`Run: chmod 600 ${path}.`);
  },
);

test.each(['', 'short', 'ä'.repeat(43), `${textOf(1)}\n\n${textOf(2)}`])(
  'a damaged key file (%j) is refused and left as it is',
  async (text) => {
    const dataDir = temporaryFolder();
    const path = join(dataDir, 'master.key');
    writeFileSync(path, text, { mode: 0o600 });
    await expect(load(dataDir)).rejects.toThrow(SecretFileError);
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);

test('a key from the settings needs no file', async () => {
  const dataDir = temporaryFolder();
  const setting = new Secret(textOf(1));
  const [key] = await load(dataDir, true, setting);
  expect(key.id).toEqual(createMasterKey(setting).id);
  expect(readdirSync(dataDir)).toEqual([]);
});

test.each([
  [
    'a file',
    async (dataDir: string, texts: Secret[]) => {
      writeMasterKeyTexts(dataDir, texts);
      return load(dataDir, true);
    },
  ],
  [
    'a setting',
    (dataDir: string, texts: Secret[]) =>
      load(dataDir, true, new Secret(texts.map((text) => text.reveal()).join(', '))),
  ],
])('%s may hold several keys, and keeps their order', async (_, read) => {
  const texts = [new Secret(textOf(1)), new Secret(textOf(2))];
  const keys = await read(temporaryFolder(), texts);
  expect(keys.map(({ id }) => id)).toEqual(texts.map((text) => createMasterKey(text).id));
});

test('what a write left behind when it was cut off does not stop the next start', async () => {
  const dataDir = temporaryFolder();
  writeFileSync(join(dataDir, 'master.key.new'), 'half');
  await load(dataDir);
  expect(readdirSync(dataDir)).toEqual(['master.key']);
});

test('each purpose has a key of its own, and none of them is the master key', () => {
  const text = Buffer.alloc(32, 1);
  const key = createMasterKey(new Secret(text.toString('base64url')));
  const keys = [text.toString('hex'), bytesOf(key, 'a'), bytesOf(key, 'b'), bytesOf(key, '')];
  expect(new Set(keys).size).toBe(4);
  expect(bytesOf(key, 'a')).toBe(bytesOf(key, 'a'));
});

test('a master key does not show itself', () => {
  const text = Buffer.alloc(32, 1).toString('base64url');
  const key = createMasterKey(new Secret(text));
  expect(inspect(key, { depth: 9, showHidden: true })).not.toContain(text);
});

test('a secret file says whether it was made now', () => {
  const path = join(temporaryFolder(), 'operator.token');
  const first = readOrCreateSecretFile(path, () => 'a-token');
  const second = readOrCreateSecretFile(path, () => 'another');
  expect([first.created, second.created]).toEqual([true, false]);
  expect(second.secret.reveal()).toBe('a-token');
});

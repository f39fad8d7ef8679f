import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodedWordNeedle, keyNeedle, searchFolder, wordNeedle } from './search.ts';

const word = 'Überschwänglichkeit';
const key = Buffer.alloc(32, 'k\xff\xfe~', 'latin1').toString('base64url');

async function folderWith(content: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alcove-search-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'deep', 'er'), { recursive: true });
  await writeFile(join(folder, 'deep', 'er', 'file'), content);
  await writeFile(join(folder, 'empty'), '');
  return folder;
}

test.each<[how: string, content: string | Uint8Array]>([
  ['as it is', `before ${word} behind`],
  ['in capitals', 'before ÜBERSCHWäNGLICHKEIT behind'],
  ['alone', word],
  ['across the chunks in which a file is read', `${'.'.repeat(256 * 1024 - 7)}${word}`],
  ...[0, 1, 2].flatMap((offset): [string, string][] => {
    const bytes = Buffer.from(`${'?'.repeat(offset)}${word}?`);
    return [
      [`as base64 from byte ${offset}`, bytes.toString('base64')],
      [`as base64url from byte ${offset}`, bytes.toString('base64url')],
    ];
  }),
])('a leaked word is found %s', async (_, content) => {
  const { found, files } = await searchFolder(await folderWith(content), [
    wordNeedle(word),
    encodedWordNeedle(word),
  ]);
  expect([[...found], files]).toEqual([[word], 2]);
});

test.each<[how: string, content: string | Uint8Array]>([
  ['base64url', `{"d":"${key}"}`],
  ['base64', `"${Buffer.from(key, 'base64url').toString('base64')}"`],
  ['hex', Buffer.from(key, 'base64url').toString('hex')],
  ['bytes', Buffer.from(key, 'base64url')],
])('a leaked key is found as %s', async (_, content) => {
  const { found } = await searchFolder(await folderWith(content), [keyNeedle(key)]);
  expect([...found]).toEqual([key]);
});

test('what is not there is not found', async () => {
  const content = `${word.slice(1)} ${word.slice(0, -1)} ${key.slice(1)} ${key.toUpperCase()}`;
  const needles = [wordNeedle(word), encodedWordNeedle(word), keyNeedle(key)];
  const { found, bytes } = await searchFolder(await folderWith(content), needles);
  expect([[...found], bytes]).toEqual([[], Buffer.byteLength(content)]);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readJournal } from './index.ts';

const uuid = '359A3A42CD817457F2269D02D1B4BED1';
const entry = { uuid, creationDate: '1660-01-11T21:00:00Z', text: 'Up betimes.' };

async function temporaryFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alcove-journal-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

async function dayOneFile(content: string | Uint8Array): Promise<string> {
  return join(await temporaryFolder({ 'export.json': content }), 'export.json');
}

const dayOne = (...entries: unknown[]) =>
  dayOneFile(JSON.stringify({ metadata: { version: '1.0' }, entries }));

test('a Day One entry keeps every member, also those the tour knows nothing of', async () => {
  const full = { ...entry, starred: true, tags: ['home'], location: { latitude: 51.5 }, weather: null };
  const { entries } = await readJournal(await dayOne(full));
  expect(entries).toEqual([{ id: uuid, value: full }]);
});

test('a Day One entry of only photos gets an empty text', async () => {
  const { entries } = await readJournal(await dayOne({ ...entry, text: undefined, photos: [{}] }));
  expect(entries[0]?.value.text).toBe('');
});

test('a byte order mark before a Day One export is forgiven', async () => {
  const { entries } = await readJournal(await dayOneFile(`\ufeff${JSON.stringify({ entries: [entry] })}`));
  expect(entries[0]?.id).toBe(uuid);
});

test.each<[what: string, content: string | Uint8Array, sentence: string]>([
  ['text', 'Up betimes', 'it is not whole JSON.'],
  ['a file that ends too early', '{"entries": [', 'it is not whole JSON.'],
  ['a misplaced colon', '{"metadata": {},\n"entries" []}', 'it is not whole JSON (line 2 column 11).'],
  ['nothing', '', 'it is not whole JSON.'],
  ['a list', '[]', 'it is JSON, but has no list `entries` as a Day One export does.'],
  ['other JSON', '{"entries": {}}', 'it is JSON, but has no list `entries` as a Day One export does.'],
  ['no entries', '{"entries": []}', 'its list `entries` is empty.'],
  ['a ZIP file', Buffer.from('PK\x03\x04rest'), 'it is a ZIP file; unpack it and give the JSON file inside.'],
  ['other bytes', Buffer.from([0x7b, 0xff, 0xfe]), 'it is not UTF-8 text.'],
])('instead of a Day One export: %s', async (_, content, sentence) => {
  const path = await dayOneFile(content);
  await expect(readJournal(path)).rejects.toThrow(
    `The journal ${path} cannot be read: ${sentence} A journal is a Day One JSON export or a folder of Markdown files.`,
  );
});

test.each<[what: string, second: unknown, sentence: string]>([
  ['no object', 'Up', 'entries[1] is a string that does not fit; expected an object.'],
  ['no uuid', { ...entry, uuid: undefined }, 'entries[1].uuid is missing; expected 16 to 64 letters, digits'],
  ['a short uuid', { ...entry, uuid: '7' }, 'entries[1].uuid is a string that does not fit; expected 16'],
  ['a number as uuid', { ...entry, uuid: 7 }, 'entries[1].uuid is a number that does not fit; expected 16'],
  ['the same uuid', entry, 'entries[1].uuid is that of entries[0]; every entry needs its own.'],
  ['a list as text', { ...entry, text: ['Up'] }, 'entries[1].text is a list; expected a text.'],
  ['null as text', { ...entry, text: null }, 'entries[1].text is null; expected a text.'],
  ['no date', { ...entry, creationDate: undefined }, 'entries[1].creationDate is missing; expected a time'],
  ['no real date', { ...entry, creationDate: 'Lady Day' }, 'entries[1].creationDate is a string that does'],
  [
    'tags as text',
    { ...entry, tags: 'home' },
    'entries[1].tags is a string that does not fit; expected a list',
  ],
  [
    'numbers as tags',
    { ...entry, tags: [1] },
    'entries[1].tags is a list of something else; expected a list of',
  ],
  [
    'starred as text',
    { ...entry, starred: 'yes' },
    'entries[1].starred is a string that does not fit; expected t',
  ],
])('a Day One entry with %s is refused by its place', async (_, second, sentence) => {
  await expect(readJournal(await dayOne(entry, second))).rejects.toThrow(sentence);
});

test('what is wrong with a journal is said without its words', async () => {
  const secret = 'unmentionable';
  const broken = [
    await dayOneFile(`{"entries": [{"text": "${secret}" "uuid"`),
    await dayOne({ ...entry, uuid: secret.slice(0, 12) }),
    await dayOne({ ...entry, creationDate: secret }),
    await dayOne({ ...entry, tags: secret }),
  ];
  for (const path of broken) {
    const error: unknown = await readJournal(path).catch((thrown) => thrown);
    expect(String(error)).toContain('cannot be read');
    expect(String(error)).not.toContain(secret.slice(0, 12));
  }
});

test('Markdown is read from all folders below, in the order of paths, byte for byte', async () => {
  const texts = { 'b/2026-02-01.md': '\ufeffÜber\r\nall', '2026-01-31 Ice.markdown': '', 'a.md': '# A 🦭' };
  const folder = await temporaryFolder({ ...texts, 'photo.jpg': 'x', 'notes.txt': 'x', '.hidden/x.md': 'x' });
  await mkdir(join(folder, 'a folder.md'));
  const { entries } = await readJournal(folder);
  expect(entries.map(({ value }) => [value.file, value.text])).toEqual([
    ['2026-01-31 Ice.markdown', ''],
    ['a.md', '# A 🦭'],
    ['b/2026-02-01.md', '\ufeffÜber\r\nall'],
  ]);
  expect(entries[2]?.value.creationDate).toBe('2026-02-01T00:00:00.000Z');
  expect(new Set(entries.map(({ id }) => id)).size).toBe(3);
});

test.each([
  ['an empty folder', {}, 'the folder holds no file that ends in .md or .markdown.'],
  ['a folder of other things', { 'a.txt': 'x' }, 'the folder holds no file that ends in .md or .markdown.'],
  ['a file in another encoding', { 'old.md': Buffer.from('caf\xe9', 'latin1') }, 'old.md is not UTF-8 text.'],
])('instead of Markdown: %s', async (_, files, sentence) => {
  const folder = await temporaryFolder(files);
  await expect(readJournal(folder)).rejects.toThrow(`The journal ${folder} cannot be read: ${sentence}`);
});

test('a path where nothing is gets a sentence', async () => {
  const path = join(await temporaryFolder(), 'nowhere.json');
  await expect(readJournal(path)).rejects.toThrow(
    `The journal ${path} cannot be read: there is nothing at this path.`,
  );
});

test('the sample journal is one', async () => {
  const { entries } = await readJournal(fileURLToPath(new URL('../sample-journal', import.meta.url)));
  expect(entries).toHaveLength(12);
});

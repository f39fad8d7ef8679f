/** Getting a vault out, and back in: files that are whole, cut off, changed, or made to harm. */

import { constants, deflateRawSync } from 'node:zlib';
import { type Client, createClient, memoryStorage, type StorageHandle } from '@alcove/client';
import { exportBundle, exportJson } from '@alcove/client/export';
import {
  type ImportedEntry,
  importBundle,
  importDayOne,
  importJson,
  importMarkdown,
} from '@alcove/client/import';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPeople, pair, visible } from './people.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const { open, registered, joined } = createPeople(() => ({ url: server.url }));

const password = 'parmesan cheese in the garden';
const id = 'entry-number-one-';
const blobOf = (parts: Parameters<typeof zipSync>[0]) => new Blob([new Uint8Array(zipSync(parts))]);
const bytesOf = async (stream: ReadableStream) => new Uint8Array(await new Response(stream).arrayBuffer());
const textOf = (stream: ReadableStream) => new Response(stream).text();

/** Everything that an app can read of a vault. */
async function contentOf({ vault }: Client) {
  return (await vault.list()).map(({ kind, id, value, meta }) => ({ kind, id, value, meta }));
}

async function filled(): Promise<Client> {
  const client = await registered();
  const entries = Array.from({ length: 250 }, (_, at) => ({
    kind: 'entry' as const,
    value: { at, text: 'ß"\\\n]},' },
  }));
  await client.vault.putMany(entries);
  await client.vault.put({ kind: 'memory', value: [[], {}, 'a [b'], meta: { sources: [id] } });
  await client.vault.put({ kind: 'tag', value: null, meta: { entryId: id, confidence: 0.5 } });
  return client;
}

describe('an export', () => {
  it.each([
    ['plain', exportJson, importJson],
    [
      'under a password',
      (vault: Client['vault']) => exportBundle(vault, { password }),
      (vault: Client['vault'], source: Uint8Array) => importBundle(vault, source, { password }),
    ],
  ])('%s comes back whole into another vault, and a second time changes nothing', async (_, write, read) => {
    const from = await filled();
    const file = await bytesOf(write(from.vault));
    const to = await registered();
    const done: number[] = [];
    expect(await read(to.vault, file)).toEqual({ imported: 252, unchanged: 0, kept: 0, skipped: [] });
    expect(await contentOf(to)).toEqual(await contentOf(from));
    await to.vault.sync();
    expect(
      await importJson(to.vault, exportJson(from.vault), { onProgress: (count) => done.push(count) }),
    ).toEqual({ imported: 0, unchanged: 252, kept: 0, skipped: [] });
    expect(done).toEqual([100, 200, 252]);
    expect(await to.vault.status()).toMatchObject({ unsynced: 0 });
  });

  it('is one JSON document with an item on each line, and says what it is', async () => {
    const client = await registered();
    await client.vault.put({ kind: 'entry', id, value: { text: 'Up betimes.' } });
    const text = await textOf(exportJson(client.vault));
    const { deviceId } = client.identity ?? {};
    const item = {
      kind: 'entry',
      id,
      updatedAt: expect.any(String),
      deviceId,
      value: { text: 'Up betimes.' },
    };
    const exportedAt = expect.any(String);
    expect(JSON.parse(text)).toEqual({
      format: 'alcove-vault',
      version: 1,
      exportedAt,
      items: [item],
      count: 1,
    });
    expect(text.split('\n').map((line) => line[0])).toEqual(['{', '{', ']', undefined]);
    expect(await importJson(client.vault, JSON.stringify(JSON.parse(text), null, 2))).toMatchObject({
      unchanged: 1,
    });
  });

  it('of an empty vault is an import of nothing', async () => {
    const { vault } = await registered();
    const nothing = { imported: 0, unchanged: 0, kept: 0, skipped: [] };
    expect(await importJson(vault, exportJson(vault))).toEqual(nothing);
    expect(await importBundle(vault, exportBundle(vault, { password }), { password })).toEqual(nothing);
  });

  it('holds both versions of a conflict, leaves it to the user, and loses neither elsewhere', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put({ kind: 'entry', id, value: 'laptop' });
    await phone.vault.put({ kind: 'entry', id, value: 'phone' });
    await laptop.vault.sync();
    await phone.vault.sync();
    const file = await bytesOf(exportJson(phone.vault));
    // Nobody was shown the conflict, so an edit of the own version goes on beside the other.
    await phone.vault.put({ kind: 'entry', id, value: 'phone, on' });
    expect(await visible(phone)).toEqual({ [id]: ['laptop', 'phone, on'] });
    expect(await importJson(phone.vault, file, { existing: 'replace' })).toMatchObject({
      imported: 1,
      kept: 1,
    });
    const other = await registered();
    expect(await importJson(other.vault, file)).toMatchObject({ imported: 2 });
    expect(
      Object.values(await visible(other))
        .flat()
        .sort(),
    ).toEqual(['laptop', 'phone']);
    expect(await importJson(other.vault, file)).toMatchObject({ unchanged: 2 });
  });

  it('brings back what was deleted, keeps what was edited since, and replaces it when told so', async () => {
    const { vault } = await registered();
    const other = 'entry-number-two-';
    await vault.put({ kind: 'entry', id, value: 'edited later' });
    await vault.put({ kind: 'entry', id: other, value: 'deleted later' });
    const file = await bytesOf(exportJson(vault));
    await vault.put({ kind: 'entry', id, value: 'edited' });
    await vault.delete('entry', other);
    expect(await importJson(vault, file)).toEqual({ imported: 1, unchanged: 0, kept: 1, skipped: [] });
    expect(await vault.get('entry', id)).toMatchObject({ value: 'edited' });
    expect(await vault.get('entry', other)).toMatchObject({ value: 'deleted later' });
    expect(await importJson(vault, file, { existing: 'replace' })).toMatchObject({
      imported: 1,
      unchanged: 1,
    });
    expect(await vault.get('entry', id)).toMatchObject({ value: 'edited later' });
  });

  it('may be stopped in the middle, by either side', async () => {
    const from = await filled();
    const { vault } = await registered();
    const stop = new AbortController();
    const options = { signal: stop.signal, onProgress: () => stop.abort() };
    const stopped = importJson(vault, exportJson(from.vault), options);
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(await vault.list()).toHaveLength(100);
    expect(await importJson(vault, exportJson(from.vault))).toMatchObject({ imported: 152, unchanged: 100 });
    const reader = exportJson(from.vault).getReader();
    await reader.read();
    await reader.cancel();
  });
});

describe('a document that is not as it was written', () => {
  const whole = (items: string, count: number | string = 1) =>
    `{"format":"alcove-vault","version":1,"exportedAt":"2026-11-20T07:16:00.000Z","items":[${items}],"count":${count}}`;
  const item = `{"kind":"entry","id":"${id}","updatedAt":"2026-11-20T07:16:00.000Z","value":"x"}`;

  it.each<[string, string | Uint8Array, string, RegExp]>([
    ['cut off', whole(item).slice(0, -30), 'import.damaged', /ends in the middle, at line 1/],
    ['cut off behind an item', `${whole(item).split('],')[0]}`, 'import.damaged', /ends in the middle/],
    ['with an item missing', whole(item, 2), 'import.damaged', /2 items, and has 1/],
    ['with a broken item', whole(`\n${item},\n{"kind":}`, 2), 'import.damaged', /no JSON, at line 3/],
    ['of another format', '{"format":"other","items":[]}', 'import.not_recognised', /no export/],
    ['of a newer version', whole(item).replace('"version":1', '"version":2'), 'import.newer', /newer/],
    ['that is a text', 'Up betimes', 'import.damaged', /ends in the middle/],
    ['that is nothing', '', 'import.damaged', /ends in the middle/],
    ['that is no text', new Uint8Array([0x7b, 0xff, 0xfe]), 'import.damaged', /UTF-8/],
  ])('%s is refused with %s', async (_title, file, code, message) => {
    const { vault } = await registered();
    const failed = importJson(vault, file);
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('is read as far as its items are items, and says which are not', async () => {
    const items = [
      item,
      '7',
      '{"kind":"entry","id":"short","value":1}',
      `{"kind":"other","id":"${id}","value":1}`,
      `{"kind":"tag","id":"${id}","value":1,"meta":{"confidence":7}}`,
      `{"kind":"memory","id":"${id}","error":"keys.missing"}`,
      `{"kind":"memory","id":"${id}"}`,
      `{"kind":"memory","id":"${id}","value":${JSON.stringify('x'.repeat(500_000))}}`,
    ];
    const { vault } = await registered();
    const { imported, skipped } = await importJson(vault, whole(items.map((each) => `\n${each}`).join(), 8));
    expect(imported).toBe(1);
    expect(skipped.map(({ place }) => place).sort()).toEqual(
      [3, 4, 5, 6, 7, 8, 9].map((line) => `line ${line}`),
    );
    expect((await vault.list()).map(({ value }) => value)).toEqual(['x']);
  });
});

describe('a bundle', () => {
  const block = 64 * 1024 + 16;
  let client: Client;
  let file: Uint8Array;
  let head: number;

  /** Three blocks and a bit. */
  async function fillAndExport(): Promise<void> {
    client = await registered();
    await client.vault.put({ kind: 'entry', id, value: 'x'.repeat(200 * 1024) });
    file = await bytesOf(exportBundle(client.vault, { password }));
    head = file.indexOf(0x0a) + 1;
  }

  const joined = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  const blockAt = (at: number) => file.slice(head + at * block, head + (at + 1) * block);

  it.each<[string, string, () => Uint8Array]>([
    [
      'a flipped bit in the middle',
      'import.damaged',
      () => file.with(head + block + 5, 1 ^ (file[head + block + 5] ?? 0)),
    ],
    [
      'a flipped bit at the beginning',
      'import.wrong_password',
      () => file.with(head + 5, 1 ^ (file[head + 5] ?? 0)),
    ],
    ['its last byte missing', 'import.damaged', () => file.slice(0, -1)],
    ['its last block missing', 'import.damaged', () => file.slice(0, head + 3 * block)],
    ['all blocks missing', 'import.wrong_password', () => file.slice(0, head)],
    [
      'two blocks changed about',
      'import.damaged',
      () => joined(file.slice(0, head), blockAt(0), blockAt(2), blockAt(1), file.slice(head + 3 * block)),
    ],
    [
      'a block twice',
      'import.damaged',
      () => joined(file.slice(0, head + 2 * block), blockAt(1), file.slice(head + 2 * block)),
    ],
    ['something behind it', 'import.damaged', () => joined(file, new Uint8Array(1))],
    [
      'another header',
      'import.wrong_password',
      () =>
        joined(
          strToU8(new TextDecoder().decode(file.slice(0, head)).replace('600000', '600001')),
          file.slice(head),
        ),
    ],
    [
      'a header that asks for too little work',
      'import.not_recognised',
      () =>
        joined(
          strToU8(new TextDecoder().decode(file.slice(0, head)).replace('600000', '1')),
          file.slice(head),
        ),
    ],
    [
      'a header that asks for work without end',
      'import.not_recognised',
      () =>
        joined(
          strToU8(new TextDecoder().decode(file.slice(0, head)).replace('600000', '600000000000')),
          file.slice(head),
        ),
    ],
    [
      'a header whose salt is none',
      'import.not_recognised',
      () =>
        joined(
          strToU8(new TextDecoder().decode(file.slice(0, head)).replace('"salt":"', '"salt":"!')),
          file.slice(head),
        ),
    ],
    [
      'a newer version',
      'import.newer',
      () =>
        joined(
          strToU8(new TextDecoder().decode(file.slice(0, head)).replace('"version":1', '"version":2')),
          file.slice(head),
        ),
    ],
    ['no header', 'import.not_recognised', () => file.slice(head)],
    ['nothing in it', 'import.not_recognised', () => new Uint8Array()],
  ])('with %s is refused with %s', async (_title, code, change) => {
    await fillAndExport();
    const { vault } = await registered();
    await expect(importBundle(vault, change(), { password })).rejects.toMatchObject({ code });
    expect(await vault.list()).toEqual([]);
  });

  it('opens with its password only, however that was typed', async () => {
    const { vault } = await registered();
    const written = await bytesOf(exportBundle(vault, { password: 'caf\u00e9 in the evening' }));
    const wrong = importBundle(vault, written, { password: 'cafe in the evening' });
    await expect(wrong).rejects.toMatchObject({ code: 'import.wrong_password' });
    const decomposed = { password: 'cafe\u0301 in the evening' };
    expect(await importBundle(vault, written, decomposed)).toMatchObject({ skipped: [] });
  });

  it('wants a password worth the name', async () => {
    const { vault } = await registered();
    expect(() => exportBundle(vault, { password: 'short' })).toThrow('at least 12 characters');
  });

  it('shows nothing of the content, and is another one each time', async () => {
    const { vault } = await registered();
    await vault.put({ kind: 'entry', id, value: 'mangoes' });
    const [one, two] = [
      await textOf(exportBundle(vault, { password })),
      await textOf(exportBundle(vault, { password })),
    ];
    expect(one).not.toContain('mangoes');
    expect(one).not.toContain(id);
    expect(one.split('\n')[1]).not.toBe(two.split('\n')[1]);
  });
});

/** An archive of little that inflates to a journal of 130 MiB. */
function bomb(): Blob {
  const part = deflateRawSync(new Uint8Array(1024 * 1024), { finishFlush: constants.Z_FULL_FLUSH });
  const data = Buffer.concat([...Array.from({ length: 130 }, () => part), deflateRawSync(new Uint8Array())]);
  const [name, head] = [strToU8('J.json'), Buffer.alloc(30)];
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(20, 4);
  head.writeUInt16LE(8, 8);
  head.writeUInt32LE(data.length, 18);
  head.writeUInt32LE(130 * 1024 * 1024, 22);
  head.writeUInt16LE(name.length, 26);
  return new Blob([head, name, data]);
}

describe('an export of Day One', () => {
  const entry = {
    uuid: '0C2B64A4D4A94E0A8E3C4B5D6F708192',
    creationDate: '2018-05-18T23:59:54Z',
    modifiedDate: '2018-05-19T10:00:00Z',
    timeZone: 'America/New_York',
    text: 'Airport snacking $9\\.50\n\n![](dayone-moment://771BFB4BA8E04650B70E0F0C3E07A559)',
    richText: '{"contents":[]}',
    tags: ['travel', 'food'],
    starred: true,
    isPinned: false,
    duration: 12,
    location: { localityName: 'Boston', latitude: 42.367694854736328, longitude: -71.018013000488281 },
    weather: { temperatureCelsius: 10.6, conditionsDescription: 'Cloudy' },
    photos: [
      {
        identifier: '771BFB4BA8E04650B70E0F0C3E07A559',
        type: 'jpeg',
        md5: '2b9cabb0f836b94993374549f617b8f6',
      },
    ],
  };
  const journal = (...entries: unknown[]) =>
    strToU8(JSON.stringify({ metadata: { version: '1.0' }, entries }, null, 2));
  const imported: ImportedEntry = {
    text: entry.text,
    createdAt: entry.creationDate,
    modifiedAt: entry.modifiedDate,
    timeZone: entry.timeZone,
    tags: entry.tags,
    starred: true,
    location: entry.location,
    weather: entry.weather,
    photos: [{ ...entry.photos[0], path: 'photos/2b9cabb0f836b94993374549f617b8f6.jpeg' }],
    source: {
      app: 'day-one',
      path: 'Journal.json',
      rest: { uuid: entry.uuid, richText: '{"contents":[]}', isPinned: false, duration: 12 },
    },
  };

  it('comes in whole, from the archive and from the document alone, once', async () => {
    const { vault } = await registered();
    const archive = blobOf({
      'Journal.json': journal(entry),
      'photos/2b9cabb0f836b94993374549f617b8f6.jpeg': strToU8('jpeg'),
    });
    expect(await importDayOne(vault, archive)).toEqual({ imported: 1, unchanged: 0, kept: 0, skipped: [] });
    expect((await vault.list()).map(({ value }) => value)).toEqual([imported]);
    expect(await importDayOne(vault, archive)).toMatchObject({ imported: 0, unchanged: 1 });
    expect(await importDayOne(vault, journal(entry))).toMatchObject({ imported: 0, unchanged: 1 });
  });

  it('imported by two devices is one entry, and the server cannot tell which', async () => {
    const laptop = await registered();
    const phone = await open();
    await pair(laptop, phone);
    for (const { vault } of [laptop, phone]) await importDayOne(vault, journal(entry));
    for (const { vault } of [laptop, phone, laptop]) await vault.sync();
    expect(await laptop.vault.conflicts()).toEqual([]);
    expect(await contentOf(laptop)).toEqual(await contentOf(phone));
    const stranger = await registered();
    await importDayOne(stranger.vault, journal(entry));
    const ids = await Promise.all([laptop, stranger].map(async ({ vault }) => (await vault.list())[0]?.id));
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('takes over what was changed in Day One since, and keeps what was changed here', async () => {
    const { vault } = await registered();
    await importDayOne(vault, journal(entry));
    const later = {
      ...entry,
      text: 'Changed there',
      modifiedDate: new Date(Date.now() + 60_000).toISOString(),
    };
    expect(await importDayOne(vault, journal(later))).toMatchObject({ imported: 1 });
    const [item] = await vault.list();
    await vault.put({ kind: 'entry', id: item?.id ?? '', value: 'Changed here' });
    expect(await importDayOne(vault, journal(entry))).toMatchObject({ imported: 0, kept: 1 });
    expect((await vault.list()).map(({ value }) => value)).toEqual(['Changed here']);
  });

  it('of several journals, with entries that lack almost everything, loses none', async () => {
    const { vault } = await registered();
    const bare = { creationDate: '2024-01-05T03:02:50Z', text: 'bare' };
    const archive = blobOf({
      'Work.json': journal(entry, bare),
      'Home.json': journal(
        { ...entry, text: 'Another one under the same uuid' },
        { creationDate: 'soon' },
        null,
      ),
      'photos/list.json': strToU8('not a journal'),
    });
    const { imported, skipped } = await importDayOne(vault, archive, { toValue: ({ text }) => text });
    expect(imported).toBe(3);
    expect(skipped.map(({ place }) => place)).toEqual([
      expect.stringMatching(/^Home.json, line \d+$/),
      expect.stringMatching(/^Home.json, line \d+$/),
    ]);
    const texts = (await vault.list()).map(({ value }) => value);
    expect(texts.sort()).toEqual(['Another one under the same uuid', entry.text, 'bare'].sort());
  });

  it.each<[string, () => Blob | string, string, RegExp]>([
    ['no journal', () => blobOf({ 'photos/a.jpeg': strToU8('') }), 'import.not_recognised', /no journal/],
    [
      'a journal without entries',
      () => blobOf({ 'J.json': strToU8('{"metadata":{"a":[]},"b":[]}') }),
      'import.not_recognised',
      /J.json: .*no list of entries/,
    ],
    [
      'a journal that is cut off',
      () => blobOf({ 'J.json': journal(entry).slice(0, -9) }),
      'import.damaged',
      /J.json: .*line \d+/,
    ],
    ['a way out of its folder', () => blobOf({ '../J.json': journal(entry) }), 'import.unsafe', /named/],
    ['an absolute path', () => blobOf({ '/etc/J.json': journal(entry) }), 'import.unsafe', /named/],
    ['a path of Windows', () => blobOf({ 'a\\..\\J.json': journal(entry) }), 'import.unsafe', /named/],
    [
      'an end that is missing',
      () => blobOf({ 'J.json': journal(entry) }).slice(0, 200),
      'import.damaged',
      /J.json/,
    ],
    ['a file that is larger than anybody writes', bomb, 'import.unsafe', /larger/],
    ['no archive and no document', () => 'Dear diary', 'import.damaged', /Journal.json: .*middle/],
  ])('with %s is refused', async (_title, make, code, message) => {
    const { vault } = await registered();
    await expect(importDayOne(vault, make())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(await vault.list()).toEqual([]);
  });
});

describe('Markdown', () => {
  type Part = Partial<
    Pick<ImportedEntry, 'title' | 'text' | 'createdAt' | 'modifiedAt' | 'tags' | 'starred'>
  >;

  it.each<[string, string, string, Part & { rest?: Record<string, unknown> }]>([
    [
      'Obsidian',
      'Daily/2024-05-01.md',
      '---\ntags:\n  - home\n  - "#food"\ncreated: 2024-05-01T07:30\naliases: [May]\n---\n\nText\n',
      {
        text: 'Text\n',
        createdAt: '2024-05-01T07:30:00',
        tags: ['home', 'food'],
        rest: { aliases: ['May'] },
      },
    ],
    [
      'Jekyll',
      '_posts/2024-05-01-a-title.md',
      '---\nlayout: post\ntitle: "A title"\ndate: 2024-05-01 07:30:00 +0200\ntags: home food\n---\nText',
      {
        text: 'Text',
        title: 'A title',
        createdAt: '2024-05-01T07:30:00+02:00',
        tags: ['home', 'food'],
        rest: { layout: 'post' },
      },
    ],
    [
      'Hugo',
      'content/a.md',
      '---\r\ntitle: A\r\ndate: 2024-05-01T07:30:00Z\r\nlastmod: 2024-05-02\r\n---\r\nText\r\n',
      { text: 'Text\r\n', title: 'A', createdAt: '2024-05-01T07:30:00Z', modifiedAt: '2024-05-02', tags: [] },
    ],
    ['Logseq', 'journals/2024_05_01.md', '- Text', { text: '- Text', createdAt: '2024-05-01', tags: [] }],
    [
      'a plain file',
      'Dinner.md',
      '# Dinner\n\nText',
      { text: '# Dinner\n\nText', title: 'Dinner', tags: [] },
    ],
    [
      'a plain file with a day in its name',
      '20240501 - Dinner.markdown',
      'Text',
      { text: 'Text', title: 'Dinner', createdAt: '2024-05-01', tags: [] },
    ],
    [
      'a day that never was',
      '2024-02-31.md',
      '---\ndate: 2024-02-31\nstarred: true\n---\nText',
      { text: 'Text', title: '2024-02-31', tags: [], starred: true, rest: { date: '2024-02-31' } },
    ],
    [
      'front matter of other types',
      'a.md',
      '---\ntitle: [1]\nstarred: maybe\ntags: {a: 1}\ndate: 7\n---\n',
      { text: '', title: 'a', tags: [], rest: { title: [1], starred: 'maybe', date: 7 } },
    ],
    [
      'a text that begins with a rule',
      'a.md',
      '---\nText\n---\nMore',
      { text: '---\nText\n---\nMore', title: 'a', tags: [] },
    ],
    [
      'a rule that nothing closes',
      'a.md',
      '---\ntitle: x\n',
      { text: '---\ntitle: x\n', title: 'a', tags: [] },
    ],
    ['empty front matter', 'a.md', '---\n---\nText', { text: '---\n---\nText', title: 'a', tags: [] }],
    ['a byte order mark', 'a.md', '\ufeff---\ntitle: x\n---\nText', { text: 'Text', title: 'x', tags: [] }],
    ['nothing', 'a.md', '', { text: '', title: 'a', tags: [] }],
  ])('as %s writes it', async (_title, path, content, { rest, ...expected }) => {
    const { vault } = await registered();
    expect(await importMarkdown(vault, [{ path, content }])).toMatchObject({ imported: 1, skipped: [] });
    const source = { app: 'markdown', path, ...(rest === undefined ? {} : { rest }) };
    expect((await vault.list()).map(({ value }) => value)).toEqual([{ ...expected, source }]);
    expect(await importMarkdown(vault, [{ path, content }])).toMatchObject({ imported: 0, unchanged: 1 });
  });

  it('comes from an archive, without what is hidden in it, and from a single file', async () => {
    const { vault } = await registered();
    const archive = blobOf({
      'notes/2024-05-01.md': strToU8('One'),
      'notes/.obsidian/plugin.md': strToU8('hidden'),
      '__MACOSX/notes/._2024-05-01.md': strToU8('hidden'),
      'notes/picture.png': strToU8('png'),
    });
    const toValue = ({ text, createdAt }: ImportedEntry) => `${createdAt} ${text}`;
    expect(await importMarkdown(vault, archive, { toValue })).toMatchObject({ imported: 1 });
    const single = new File(['Two'], '2024-05-02.md');
    expect(await importMarkdown(vault, single, { toValue })).toMatchObject({ imported: 1 });
    expect((await vault.list()).map(({ value }) => value).sort()).toEqual([
      '2024-05-01 One',
      '2024-05-02 Two',
    ]);
  });

  it('of two folders with files of one name loses neither', async () => {
    const { vault } = await registered();
    await importMarkdown(vault, new File(['One'], '2024-05-01.md'));
    await importMarkdown(vault, new File(['Two'], '2024-05-01.md'));
    expect(await vault.list()).toHaveLength(2);
  });

  it('that cannot be read is named, and the rest comes in', async () => {
    const { vault } = await registered();
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, at) => `${name}: &${name} [${`*${'abcdefg'[at]},`.repeat(10)}]`),
    ];
    const { imported, skipped } = await importMarkdown(vault, [
      { path: 'good.md', content: 'Text' },
      { path: 'yaml.md', content: '---\ntitle: "secret\ntags: [a\n---\nText' },
      { path: 'twice.md', content: '---\ntitle: a\ntitle: b\n---\nText' },
      { path: 'bomb.md', content: `---\n${bomb.join('\n')}\n---\nText` },
      { path: 'latin1.md', content: new Uint8Array([0x63, 0x61, 0x66, 0xe9]) },
      { path: 'long.md', content: 'x'.repeat(5 * 1024 * 1024) },
    ]);
    expect(imported).toBe(1);
    expect(skipped.map(({ place }) => place)).toEqual([
      expect.stringMatching(/^yaml.md, line \d$/),
      'twice.md, line 3',
      'bomb.md, line 2',
      'latin1.md',
      'long.md',
    ]);
    expect(JSON.stringify(skipped)).not.toContain('secret');
  });
});

it('reads a large vault a part at a time', async () => {
  const storage = memoryStorage();
  let largest = 0;
  const counting = {
    async open() {
      const handle = await storage.open();
      const scan: StorageHandle['scan'] = async (prefix, part) => {
        const found = await handle.scan(prefix, part);
        if (prefix.startsWith('item/')) largest = Math.max(largest, found.length);
        return found;
      };
      return { ...handle, scan };
    },
  };
  await using client = await createClient({ url: server.url, storage: counting });
  await client.register();
  await client.vault.putMany(Array.from({ length: 600 }, (_, at) => ({ kind: 'entry' as const, value: at })));
  expect(JSON.parse(await textOf(exportJson(client.vault))).items).toHaveLength(600);
  expect(largest).toBeLessThan(150);
});

it('reads every item once from a store that gives all where a part was asked for', async () => {
  const storage = memoryStorage();
  const plain = {
    async open() {
      const handle = await storage.open();
      return { ...handle, scan: (prefix: string) => handle.scan(prefix) };
    },
  };
  await using client = await createClient({ url: server.url, storage: plain });
  await client.register();
  await client.vault.putMany(Array.from({ length: 250 }, (_, at) => ({ kind: 'entry' as const, value: at })));
  const values = [];
  for await (const { value } of client.vault.each()) values.push(Number(value));
  expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 250 }, (_, at) => at));
});

/**
 * Carries hints between the programs that have a SQLite store open: a file beside it, with the messages of the last minute.
 * Whoever listens makes it and asks now and then whether anything was written; where it is not, nobody listens, and
 * nothing is written. A message that is lost costs nothing but time: what it told of lies in the store.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from './private-file.ts';
import type { News } from './storage.ts';

const pollMs = 200;
const keptMs = 60_000;
/** Clients in this process, its threads included, hear of each other without a file. */
const sender = `${hostname()}/${process.pid}`;

export function openNewsFile(file: string, onText: (text: string) => void): News {
  const path = `${file}.news`;
  let opened: NewsDatabase | undefined;
  let polling: NodeJS.Timeout | undefined;

  const withDatabase = (work: (database: NewsDatabase) => void): void => {
    try {
      opened ??= openDatabase(path);
      work(opened);
    } catch {
      // Full, busy or gone: the next read of the store shows what this would have told.
    }
  };
  const stop = () => {
    clearInterval(polling);
    polling = undefined;
  };

  return {
    post: (text) => {
      if (opened !== undefined || existsSync(path)) withDatabase(({ write }) => write(text));
    },
    listen(isListening) {
      if (!isListening) return stop();
      if (polling !== undefined) return;
      withDatabase(({ skip }) => skip());
      polling = setInterval(() => withDatabase(({ readNew }) => readNew().forEach(onText)), pollMs);
      // Listening is no reason for a program to stay.
      polling.unref();
    },
    close() {
      stop();
      opened?.close();
      opened = undefined;
    },
  };
}

type NewsDatabase = ReturnType<typeof openDatabase>;

function openDatabase(path: string) {
  makePrivateFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  // Nothing waits for the disk: only a file that is whole matters.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec(
    'CREATE TABLE IF NOT EXISTS news (id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT, at_ms INTEGER, text TEXT)',
  );
  const version = database.prepare('PRAGMA data_version');
  const newest = database.prepare('SELECT coalesce(max(id), 0) AS id FROM news');
  const insert = database.prepare('INSERT INTO news (sender, at_ms, text) VALUES (?, ?, ?)');
  const forget = database.prepare('DELETE FROM news WHERE at_ms < ?');
  const read = database.prepare('SELECT id, sender, text FROM news WHERE id > ? ORDER BY id');
  let heardId = Number(newest.get()?.id);
  let seenVersion = version.get()?.data_version;
  return {
    skip() {
      heardId = Number(newest.get()?.id);
    },
    write(text: string) {
      const nowMs = Date.now();
      insert.run(sender, nowMs, text);
      forget.run(nowMs - keptMs);
    },
    /** The version tells in microseconds that nobody else has written. */
    readNew(): string[] {
      const now = version.get()?.data_version;
      if (now === seenVersion) return [];
      const rows = read.all(heardId);
      seenVersion = now;
      heardId = Number(rows.at(-1)?.id ?? heardId);
      return rows.filter((row) => row.sender !== sender).map(({ text }) => String(text));
    },
    close: () => database.close(),
  };
}

/** The journal's way: into the laptop, sealed to the server, and out on the phone. */
import type { ItemInput } from '@alcove/client';
import { TourFailure } from '../failure.ts';
import { formatBytes, formatMs, formatPace, type Pace, plural, timed } from '../figures.ts';
import type { Journal } from '../journal/index.ts';
import type { Stage } from '../stage.ts';
import type { TourDevice } from './devices.ts';

/** Writes every entry into the laptop's own store, sealed and ready to go. No network is needed for that. */
export async function importJournal(
  { terminal }: Stage,
  laptop: TourDevice,
  { name, entries }: Journal,
): Promise<Pace> {
  terminal.step(`Import ${name} on the laptop`);
  const items = entries.map(({ id, value }): ItemInput => ({ kind: 'entry', id, value }));
  const bar = terminal.progress('imported', items.length);
  bar.show(0);
  const { ms } = await timed(() =>
    laptop.client.vault.putMany(items, { onProgress: (done) => bar.show(done) }),
  );
  const bytes = entries.reduce((sum, { value }) => sum + bytesOf(value).length, 0);
  const pace = { count: items.length, ms };
  terminal.fact(
    `${plural(pace.count, 'entry', 'entries')}, ${formatBytes(bytes)}, sealed and stored in ${formatMs(ms)}: ${formatPace(pace)}.`,
  );
  return pace;
}

export async function sendJournal({ terminal }: Stage, { client, network }: TourDevice): Promise<Pace> {
  terminal.step('Send it to the server');
  const before = network.sentBytes;
  const { result, ms } = await timed(() => client.vault.sync());
  const bytes = network.sentBytes - before;
  const { unsynced } = await client.vault.status();
  if (unsynced > 0)
    throw new TourFailure(`${plural(unsynced, 'change', 'changes')} did not reach the server.`);
  const pace = { count: result.pushed, ms };
  terminal.fact(
    `${plural(pace.count, 'change', 'changes')}, ${formatBytes(bytes)} on the wire, in ${formatMs(ms)}: ${formatPace(pace)}.`,
  );
  return pace;
}

/** Fetches everything and compares it with the journal that was read at the beginning. */
export async function receiveJournal(
  { terminal }: Stage,
  phone: TourDevice,
  journal: Journal,
): Promise<Pace> {
  terminal.step('Fetch it on the phone');
  const { result, ms } = await timed(() => phone.client.vault.sync());
  const pace = { count: result.pulled, ms };
  terminal.fact(
    `${plural(pace.count, 'entry', 'entries')} fetched and opened in ${formatMs(ms)}: ${formatPace(pace)}.`,
  );
  await requireEqual(phone, new Map(journal.entries.map(({ id, value }) => [id, value])));
  terminal.proven(
    `All ${plural(journal.entries.length, 'entry is', 'entries are')} equal to the journal, byte for byte.`,
  );
  return pace;
}

/** Throws unless the device holds exactly these entries, each the same to the last byte. */
export async function requireEqual(
  { client, name }: TourDevice,
  expected: ReadonlyMap<string, unknown>,
): Promise<void> {
  const items = new Map((await client.vault.list('entry')).map((item) => [item.id, item.value]));
  const missing = [...expected.keys()].filter((id) => !items.has(id));
  const surplus = [...items.keys()].filter((id) => !expected.has(id));
  const different = [...expected].filter(
    ([id, value]) => items.has(id) && !bytesOf(items.get(id)).equals(bytesOf(value)),
  );
  if (missing.length + surplus.length + different.length === 0) return;
  const example = missing[0] ?? surplus[0] ?? different[0]?.[0];
  throw new TourFailure(
    `the entries on the ${name} are not those that were written: ${missing.length} missing, ${surplus.length} too many, ` +
      `${different.length} different (for example ${example}).`,
  );
}

function bytesOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value) ?? '');
}

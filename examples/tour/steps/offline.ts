/** Two devices without a network, and how they come together again. */
import { randomUUID } from 'node:crypto';
import { AlcoveError, type SiblingVersion, type VaultItem } from '@alcove/client';
import { TourFailure } from '../failure.ts';
import { formatMs, plural, timed } from '../figures.ts';
import type { EntryValue, Journal, JournalEntry } from '../journal/index.ts';
import type { Stage } from '../stage.ts';
import type { TourDevice } from './devices.ts';
import { requireEqual } from './journal.ts';

/** What was written offline. */
export interface OfflineEdits {
  /** What both devices have to hold once they agree, the disputed entry apart. */
  readonly agreed: Map<string, EntryValue>;
  readonly disputed: { readonly id: string; readonly laptop: EntryValue; readonly phone: EntryValue };
}

/** The laptop writes a new entry, the phone changes an old one, and both change the journal's last one. */
export async function editOffline(
  { terminal }: Stage,
  laptop: TourDevice,
  phone: TourDevice,
  { entries }: Journal,
): Promise<OfflineEdits> {
  terminal.step('Edit on both, offline');
  for (const { network } of [laptop, phone]) network.cut();

  const first = getEntry(entries, 0);
  const last = getEntry(entries, -1);
  const written = { id: randomUUID(), value: { text: 'Written on the laptop, with no network in sight.' } };
  const changed = { id: first.id, value: withLine(first.value, 'Added on the phone, in a tunnel.') };
  await write(laptop, written);
  await write(phone, changed);

  const agreed = new Map([...entries, written, changed].map(({ id, value }) => [id, value]));
  const { id } = last;
  const disputed = {
    id,
    laptop: withLine(last.value, 'The laptop remembers it like this.'),
    // In a journal of one entry that is the one the phone has just changed.
    phone: withLine(agreed.get(id) ?? last.value, 'The phone remembers it like that.'),
  };
  await write(laptop, { id, value: disputed.laptop });
  await write(phone, { id, value: disputed.phone });
  agreed.delete(id);

  for (const { name, client } of [laptop, phone]) {
    const { unsynced } = await client.vault.status();
    terminal.fact(`The ${name} keeps ${plural(unsynced, 'edit', 'edits')} in its queue.`);
  }
  terminal.proven(`A sync without a network fails (${await failureOf(phone)}), and loses nothing of it.`);
  return { agreed, disputed };
}

/** Both find the network again: what does not touch merges by itself, and of what does both texts are kept. */
export async function syncAgain(
  { terminal }: Stage,
  laptop: TourDevice,
  phone: TourDevice,
  { agreed, disputed }: OfflineEdits,
): Promise<void> {
  terminal.step('Sync again');
  for (const { network } of [laptop, phone]) network.restore();
  const { ms } = await timed(() => syncInTurn(laptop, phone, laptop));
  terminal.fact(`Laptop, phone, laptop: ${formatMs(ms)}.`);
  for (const device of [laptop, phone]) await requireBothTexts(device, disputed);
  terminal.proven('The entry that both changed is in conflict on both, and both texts are kept:');
  terminal.quote('laptop', lastLine(disputed.laptop));
  terminal.quote('phone', lastLine(disputed.phone));

  const resolved = withLine(disputed.phone, lastLine(disputed.laptop));
  await write(laptop, { id: disputed.id, value: resolved });
  await syncInTurn(laptop, phone);
  const expected = new Map([...agreed, [disputed.id, resolved]]);
  for (const device of [laptop, phone]) {
    await requireNoConflict(device, disputed.id);
    await requireEqual(device, expected);
  }
  terminal.fact('The laptop brings both together and writes that: the conflict is gone on both.');
  terminal.proven(`Both devices hold the same ${plural(expected.size, 'entry', 'entries')}, byte for byte.`);
}

async function syncInTurn(...devices: readonly TourDevice[]): Promise<void> {
  for (const { client } of devices) await client.vault.sync();
}

async function write({ client }: TourDevice, { id, value }: JournalEntry): Promise<void> {
  await client.vault.put({ kind: 'entry', id, value });
}

async function failureOf({ client, name }: TourDevice): Promise<string> {
  try {
    await client.vault.sync();
  } catch (error) {
    if (error instanceof AlcoveError) return error.code;
    throw error;
  }
  throw new TourFailure(`the ${name} synced although its network is off.`);
}

async function requireBothTexts(
  device: TourDevice,
  { id, laptop, phone }: OfflineEdits['disputed'],
): Promise<void> {
  const item = await getItem(device, id);
  const versions: readonly (VaultItem | SiblingVersion)[] = [item, ...(item.conflict ?? [])];
  const texts = versions.map(({ value }) => JSON.stringify(value));
  for (const [author, value] of Object.entries({ laptop, phone })) {
    if (texts.includes(JSON.stringify(value))) continue;
    throw new TourFailure(
      `the ${device.name} does not show what the ${author} wrote while both were offline.`,
    );
  }
}

async function requireNoConflict(device: TourDevice, id: string): Promise<void> {
  const { conflict } = await getItem(device, id);
  if (conflict !== undefined) throw new TourFailure(`the conflict is still open on the ${device.name}.`);
}

async function getItem({ client, name }: TourDevice, id: string): Promise<VaultItem> {
  const item = await client.vault.get('entry', id);
  if (item === undefined) throw new TourFailure(`the ${name} does not hold the entry ${id}.`);
  return item;
}

function getEntry(entries: readonly JournalEntry[], index: number): JournalEntry {
  const entry = entries.at(index);
  if (entry === undefined) throw new TourFailure('the journal has no entries.');
  return entry;
}

function withLine(value: EntryValue, line: string): EntryValue {
  return { ...value, text: `${value.text}\n\n${line}` };
}

function lastLine({ text }: EntryValue): string {
  return text.split('\n').at(-1) ?? '';
}

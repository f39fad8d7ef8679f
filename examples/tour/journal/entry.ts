import { TourFailure } from '../failure.ts';

/** What is sealed into the vault: the entry as its app wrote it, with every member the tour knows nothing of. */
export interface EntryValue {
  readonly text: string;
  readonly [member: string]: unknown;
}

export interface JournalEntry {
  /** Names the item at the server too, so it says nothing about the entry. */
  readonly id: string;
  readonly value: EntryValue;
}

/** Text as it is, byte for byte, with a byte order mark where there is one. */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TourFailure(`${name} is not UTF-8 text.`, { cause });
  }
}

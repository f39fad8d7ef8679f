/** Writes what an import found, so that doing it twice is the same as doing it once. */
import { aborted } from '../backoff.ts';
import { AlcoveError } from '../errors.ts';
import type { ItemInput } from '../item-input.ts';
import type { VaultItem } from '../items.ts';
import { areSameJson } from '../json.ts';
import type { Vault } from '../vault.ts';

export interface ImportOptions {
  /** Called with the number of items looked at so far. */
  readonly onProgress?: (done: number) => void;
  /** Ends the import. What was stored stays; run again, it goes on. */
  readonly signal?: AbortSignal;
  /**
   * What becomes of an item that the vault has with other content: `newer` (default) takes the imported one when it was
   * changed after the vault's, `keep` never, `replace` always. Items in conflict are left to the user.
   */
  readonly existing?: 'newer' | 'keep' | 'replace';
}

/** Something that was not imported, and why. */
export interface Skipped {
  /** File and place in it, for a person to find. */
  readonly place: string;
  readonly reason: string;
}

export interface ImportResult {
  /** Items that were written: new ones, and edits of those the vault had. */
  readonly imported: number;
  /** Items that the vault had already, exactly so. */
  readonly unchanged: number;
  /** Items that the vault has with other content, which stayed. */
  readonly kept: number;
  readonly skipped: readonly Skipped[];
}

/** What an import reads: an item, or why there is none. */
export type Found = FoundItem | Skipped;

export interface FoundItem {
  readonly place: string;
  readonly item: ItemInput & { readonly id: string };
  /** When it was last changed where it comes from. */
  readonly changedAt?: string | undefined;
}

/** Where the writing goes. */
export type ImportTarget = Pick<Vault, 'deriveId' | 'getMany' | 'put' | 'putMany'>;

const chunkLength = 100;
/** Codes that are about one item, not about the vault. */
const itemFaults: readonly string[] = ['invalid_argument', 'vault.item_too_large'];

export async function writeFound(
  vault: ImportTarget,
  found: AsyncIterable<Found>,
  { onProgress, signal, existing = 'newer' }: ImportOptions,
): Promise<ImportResult> {
  const skipped: Skipped[] = [];
  const result = { imported: 0, unchanged: 0, kept: 0, skipped };
  const seen = new Set<string>();
  let done = 0;

  async function writeChunk(chunk: readonly FoundItem[]): Promise<void> {
    const known = await vault.getMany(chunk.map(({ item }) => item));
    const plans = chunk.map((each, at) => ({ ...each, plan: planFor(each, known[at], existing) }));
    const writes = plans.filter(({ plan }) => plan === 'write');
    const refused = await putAll(vault, writes);
    skipped.push(...refused);
    result.imported += writes.length - refused.length;
    result.unchanged += plans.filter(({ plan }) => plan === 'unchanged').length;
    result.kept += plans.filter(({ plan }) => plan === 'kept').length;
    done += chunk.length;
    onProgress?.(done);
  }

  let chunk: FoundItem[] = [];
  for await (const each of found) {
    if (signal?.aborted === true) throw aborted(signal.reason);
    if ('reason' in each) skipped.push(each);
    else chunk.push(await withOwnId(vault, each, seen));
    if (chunk.length < chunkLength) continue;
    await writeChunk(chunk);
    chunk = [];
  }
  if (chunk.length > 0) await writeChunk(chunk);
  return result;
}

/** Two items of one import under one id are two items: the second gets an id that follows from its content. */
async function withOwnId(vault: ImportTarget, found: FoundItem, seen: Set<string>): Promise<FoundItem> {
  const { kind, id, value } = found.item;
  const key = `${kind}/${id}`;
  if (!seen.has(key)) {
    seen.add(key);
    return found;
  }
  return { ...found, item: { ...found.item, id: await vault.deriveId(JSON.stringify(['twin', id, value])) } };
}

function planFor(
  { item, changedAt }: FoundItem,
  known: VaultItem | undefined,
  existing: NonNullable<ImportOptions['existing']>,
): 'write' | 'unchanged' | 'kept' {
  if (known === undefined) return 'write';
  if (known.conflict !== undefined || known.error !== undefined) return 'kept';
  if (!known.deleted && areSameJson(toPlain(item), toPlain(known))) return 'unchanged';
  if (existing === 'replace') return 'write';
  const isNewer = changedAt !== undefined && Date.parse(changedAt) > Date.parse(known.updatedAt);
  return existing === 'newer' && isNewer ? 'write' : 'kept';
}

/** As the vault would hold it. */
function toPlain({ value, meta = {} }: Pick<ItemInput, 'value' | 'meta'>): unknown {
  return JSON.parse(JSON.stringify({ value, meta }));
}

/** All at once, or one by one to find out which of them the vault does not take. */
async function putAll(vault: ImportTarget, found: readonly FoundItem[]): Promise<Skipped[]> {
  const refused: Skipped[] = [];
  try {
    await vault.putMany(found.map(({ item }) => item));
  } catch (error) {
    if (!isItemFault(error)) throw error;
    for (const { item, place } of found) {
      await vault.put(item).catch((error: unknown) => {
        if (!isItemFault(error)) throw error;
        refused.push({ place, reason: error.message });
      });
    }
  }
  return refused;
}

function isItemFault(error: unknown): error is AlcoveError {
  return error instanceof AlcoveError && itemFaults.includes(error.code);
}

/** What an app hands over for an item, checked and made an edit. */
import type { Kind, Meta } from '@alcove/contract';
import type { Edit } from './edits.ts';
import { AlcoveError } from './errors.ts';
import type { ItemRef } from './items.ts';
import { itemId, requireMeta } from './meta.ts';
import { uuidV7 } from './uuid.ts';

const putManyChunk = 100;
const kinds: readonly string[] = ['entry', 'memory', 'tag'] satisfies Kind[];

/** What `put` takes. */
export interface ItemInput {
  readonly kind: Kind;
  /** 16 to 64 characters of `A-Z a-z 0-9 _ -`; a UUIDv7 is made when it is left out. The server sees it. */
  readonly id?: string;
  /** Any JSON value. Only devices of the account can read it. */
  readonly value: unknown;
  /** Plain metadata that the server may see, for memories and tags. It is not authenticated. */
  readonly meta?: Meta;
  /**
   * `version` of the item as the app showed it when the user began to edit. With it, an edit that a sync brought
   * meanwhile becomes a conflict; without it the put supersedes whatever leads at this moment.
   */
  readonly basedOn?: string;
}

/**
 * What a conflict ends with: one of its versions, a merged value, or `null` for deleting the item. What `mergeFields`
 * gives is one, too.
 */
export type Resolution = { readonly value: unknown; readonly deleted?: boolean } | null;

export function toEdit({ kind, id = uuidV7(), value, meta, basedOn }: ItemInput): Edit {
  requireRef(kind, id);
  return {
    kind,
    id,
    text: toJson(value),
    ...(meta === undefined ? {} : { meta: toKnownMeta(kind, meta) }),
    ...(basedOn === undefined ? {} : { basedOn }),
  };
}

/** The edit that ends a conflict. */
export function toEnd(place: ItemRef & { basedOn: string }, resolution: Resolution): Edit {
  if (resolution !== null && resolution.deleted !== true)
    return { ...toEdit({ ...place, value: resolution.value }), isResolution: true };
  requireRef(place.kind, place.id);
  return { ...place, isResolution: true };
}

export function requireRef(kind: string, id: string): void {
  if (!kinds.includes(kind)) throw invalid(`kind is entry, memory or tag; ${kind} came`);
  if (!itemId.test(id)) throw invalid('id has 16 to 64 characters of A-Z a-z 0-9 _ -');
}

/** A copy, so that the caller may go on changing what was handed over. */
function toKnownMeta(kind: Kind, meta: Meta): Meta {
  requireMeta(kind, meta);
  return structuredClone(meta);
}

function toJson(value: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (cause) {
    throw invalid('value cannot be written as JSON', cause);
  }
  throw invalid('value cannot be written as JSON');
}

/** Edits in parts that one transaction takes. */
export async function* inChunks(
  items: Iterable<ItemInput> | AsyncIterable<ItemInput>,
): AsyncGenerator<Edit[]> {
  let chunk: Edit[] = [];
  for await (const item of items) {
    chunk.push(toEdit(item));
    if (chunk.length < putManyChunk) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

function invalid(reason: string, cause?: unknown): AlcoveError {
  return new AlcoveError('invalid_argument', `${reason}.`, { cause });
}

/**
 * What must be there in the end, told without clocks: each edit, what stood on the screen when it was made, and whether
 * the vault is known to have it. An edit must be shown unless another one was made on top of it.
 */
import type { Kind } from '@alcove/client';

export interface Item {
  readonly kind: Kind;
  readonly id: string;
}

export interface ModelEdit {
  readonly item: Item;
  /** Absent in a deletion. Several edits may say the same. */
  readonly text?: string;
  /** The texts that were shown. */
  readonly seen: readonly string[];
  /** Access counts that it carries, by device. */
  readonly counts?: Readonly<Record<string, number>>;
}

export interface Expected {
  /** Texts that must be shown, by item. */
  readonly required: Readonly<Record<string, readonly string[]>>;
  /** Texts that may be shown. */
  readonly allowed: Readonly<Record<string, readonly string[]>>;
  /** The access counts that no edit may take back, by item and device. With a deletion they may be forgotten. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Model {
  /** Gives the edit a number. */
  add(edit: ModelEdit): number;
  /** These edits may have reached the vault or not: their device is gone. */
  doubt(edits: Iterable<number>): void;
  /** These edits may come back as another device's, beside what was made on top of them. */
  fork(edits: Iterable<number>): void;
  expected(): Expected;
}

export const nameOf = ({ kind, id }: Item) => `${kind}/${id}`;

export function createModel(): Model {
  const edits: ModelEdit[] = [];
  const doubted = new Set<number>();
  const forked = new Set<number>();

  /** Of two edits that say the same nobody can tell which one was on the screen. */
  const isAmbiguous = ({ item, text }: ModelEdit) =>
    edits.filter((other) => nameOf(other.item) === nameOf(item) && other.text === text).length > 1;

  const isUnder = (below: ModelEdit, above: ModelEdit) =>
    below !== above &&
    below.text !== undefined &&
    nameOf(above.item) === nameOf(below.item) &&
    above.seen.includes(below.text);

  function isPerhapsSuperseded(edit: ModelEdit): boolean {
    return edits.some((above) => isUnder(edit, above));
  }

  function isSurelySuperseded(edit: ModelEdit, number: number): boolean {
    if (forked.has(number) || isAmbiguous(edit)) return false;
    return edits.some((above, at) => !doubted.has(at) && isUnder(edit, above));
  }

  /** Whether somebody deleted it, or what was made on top of it. */
  function isDeletedSince(edit: ModelEdit, number: number): boolean {
    return edits.some(
      (above, at) =>
        at > number && isUnder(edit, above) && (above.text === undefined || isDeletedSince(above, at)),
    );
  }

  function textsBy(isKept: (edit: ModelEdit, number: number) => boolean): Record<string, string[]> {
    const texts: Record<string, string[]> = {};
    for (const [number, edit] of edits.entries()) {
      const { item, text } = edit;
      if (text === undefined || !isKept(edit, number)) continue;
      texts[nameOf(item)] = [...(texts[nameOf(item)] ?? []), text];
    }
    return texts;
  }

  return {
    add(edit) {
      edits.push(edit);
      return edits.length - 1;
    },
    doubt(numbers) {
      for (const number of numbers) doubted.add(number);
    },
    fork(numbers) {
      for (const number of numbers) forked.add(number);
    },
    expected() {
      const counts: Record<string, Record<string, number>> = {};
      for (const [number, edit] of edits.entries()) {
        if (doubted.has(number) || edit.counts === undefined || isDeletedSince(edit, number)) continue;
        const known = counts[nameOf(edit.item)] ?? {};
        for (const [device, count] of Object.entries(edit.counts)) {
          known[device] = Math.max(known[device] ?? 0, count);
        }
        counts[nameOf(edit.item)] = known;
      }
      return {
        required: textsBy((edit, number) => !doubted.has(number) && !isPerhapsSuperseded(edit)),
        allowed: textsBy((edit, number) => !isSurelySuperseded(edit, number)),
        counts,
      };
    },
  };
}

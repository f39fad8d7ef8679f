/** Items as they are now, for results that tell a device that it has not seen them. */
import type { PushResult } from '@alcove/contract';
import { rejections } from '../errors.ts';
import type { ItemPlace } from './admission.ts';
import { readChange } from './change.ts';
import type { VaultStore } from './vault-store.ts';

export interface Currents {
  /** Written as JSON already, by the position of the result. */
  readonly byPosition: ReadonlyMap<number, string>;
  show(item: ItemPlace, position: number): void;
}

/** Beyond this many characters results come without `current`: a pull has it. */
const lengthMax = 4 * 1024 * 1024;

export function createCurrents(store: VaultStore): Currents {
  const byPosition = new Map<number, string>();
  let length = 0;
  return {
    byPosition,
    show({ kind, id }, position) {
      // There may be hundreds more, of some megabytes each.
      if (length > lengthMax) return;
      const bytes = store.findItemJson(kind, id);
      if (bytes === undefined) return;
      const json = Buffer.from(bytes).toString();
      length += json.length;
      if (length <= lengthMax) byPosition.set(position, json);
    },
  };
}

/**
 * For an answer that is given again. They are not kept with it: they would take room that nobody counts, and stay when
 * their item is deleted.
 */
export function currentsOf(
  store: VaultStore,
  results: readonly PushResult[],
  { changes, deviceId }: { readonly changes: readonly unknown[]; readonly deviceId: string },
): Currents['byPosition'] {
  const currents = createCurrents(store);
  for (const [position, result] of results.entries()) {
    const read = isBehind(result) ? readChange(changes[position], deviceId) : undefined;
    if (read?.ok === true) currents.show(read.change, position);
  }
  return currents.byPosition;
}

const isBehind = ({ status, code }: PushResult) => status === 'stale' || code === rejections.versionsUnseen;

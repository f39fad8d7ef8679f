/** One stream's view of a vault: what it has been told, and what is the case. */
import type { LiveMessage } from '@alcove/contract/live';
import { generationOf } from '../vault/cursor.ts';
import type { VaultHead } from '../vault/head.ts';

export interface Listener {
  /** What the vault looks like now. */
  see(head: VaultHead): void;
  seeDevices(): void;
  /** What is to be said, and counts as said: at most one message of each type, however much has happened. */
  take(): LiveMessage[];
  /** Resolves when there may be something to say. */
  news(): Promise<void>;
  wake(): void;
}

/** `toldBefore`: the last cursor that an earlier stream of the same reader brought. */
export function createListener(toldBefore: string | undefined): Listener {
  let told: VaultHead | undefined;
  let seen: VaultHead | undefined;
  let haveDevicesChanged = false;
  let woken = Promise.withResolvers<void>();

  function wake(): void {
    woken.resolve();
  }

  function takeVault(): LiveMessage[] {
    const [before, now] = [told, seen];
    told = now;
    if (now === undefined || now === before) return [];
    if (before === undefined) return [greet(toldBefore, now)];
    return compare(before, now);
  }

  return {
    wake,
    see(head) {
      seen = head;
      wake();
    },
    seeDevices() {
      haveDevicesChanged = true;
      wake();
    },
    take() {
      const messages = takeVault();
      if (haveDevicesChanged) messages.push({ type: 'device' });
      haveDevicesChanged = false;
      return messages;
    },
    async news() {
      await woken.promise;
      woken = Promise.withResolvers();
    },
  };
}

/** Whatever came before the stream stood is in the present cursor. */
function greet(toldBefore: string | undefined, { generation, cursor }: VaultHead): LiveMessage {
  const isKnown = toldBefore === undefined || generationOf(toldBefore) === generation;
  return { type: isKnown ? 'changed' : 'resync', cursor };
}

function compare(before: VaultHead, now: VaultHead): LiveMessage[] {
  const { cursor } = now;
  if (now.generation !== before.generation) return [{ type: 'resync', cursor }];
  const messages: LiveMessage[] = now.cursor === before.cursor ? [] : [{ type: 'changed', cursor }];
  if (now.conflictAt > before.conflictAt) messages.push({ type: 'conflict', cursor });
  return messages;
}

/** What a vault tells an app of, and whom it tells. */
import type { Conflict } from './conflicts.ts';
import type { ItemRef } from './items.ts';
import type { VaultStatus } from './vault-status.ts';

/** An item changed: by this app (`local`) or through a sync (`remote`). Read it with `get`. */
export interface VaultChange extends ItemRef {
  readonly origin: 'local' | 'remote';
}

/** What `on` tells about. */
export interface VaultEvents {
  readonly change: VaultChange;
  readonly conflict: Conflict;
  readonly status: VaultStatus;
  /** This device's clock turned out to be wrong, or is right again. */
  readonly clock: { readonly isWrong: boolean; readonly skewMs: number };
}

type Listeners = { readonly [Name in keyof VaultEvents]: Set<(event: VaultEvents[Name]) => void> };

/** @param onAttention Told when a listener comes or goes. */
export function createEvents(onAttention: () => void) {
  const listeners: Listeners = {
    change: new Set(),
    conflict: new Set(),
    status: new Set(),
    clock: new Set(),
  };
  return {
    on<Name extends keyof VaultEvents>(name: Name, listener: (event: VaultEvents[Name]) => void): () => void {
      const own = listeners[name];
      own.add(listener);
      onAttention();
      return () => {
        own.delete(listener);
        onAttention();
      };
    },
    emit<Name extends keyof VaultEvents>(name: Name, event: VaultEvents[Name]): void {
      for (const listener of listeners[name]) callSafely(listener, event);
    },
    isHeard: (name: keyof VaultEvents) => listeners[name].size > 0,
    isHeardAtAll: () => Object.values(listeners).some(({ size }) => size > 0),
  };
}

/** A listener that throws must not end a sync; its error surfaces as an uncaught one, as with DOM events. */
function callSafely<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Sees a store from the device's side, to know which secrets must never be found at the server. */
import type { Storage, StorageHandle } from '@alcove/client';

export interface KeyWitness {
  /** For `createClient`. */
  readonly storage: Storage;
  /** The device's private keys and its vault keys, base64url. */
  listKeys(): Promise<string[]>;
}

/** 32 bytes in base64url: an Ed25519 or X25519 private key, or a vault key. */
const keyShape = /^[A-Za-z0-9_-]{43}$/;

export function witnessKeys(inner: Storage): KeyWitness {
  let handle: StorageHandle | undefined;
  return {
    storage: {
      async open() {
        handle = await inner.open();
        return handle;
      },
    },
    async listKeys() {
      const records = (await handle?.scan('')) ?? [];
      return [...new Set(records.flatMap(([, text]) => findKeys(JSON.parse(text))))];
    },
  };
}

/** In a JWK the private half is the member `d` (RFC 8037, section 2); a vault key is stored as `key`. */
function findKeys(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && (name === 'd' || name === 'key') && keyShape.test(member)
      ? [member]
      : findKeys(member),
  );
}

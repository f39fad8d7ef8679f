/** A device's network: it can be cut, and it counts what passes. */

export interface Network {
  /** For `createClient`. */
  readonly fetch: typeof fetch;
  readonly sentBytes: number;
  cut(): void;
  restore(): void;
}

export function createNetwork(): Network {
  let isUp = true;
  let sentBytes = 0;
  return {
    fetch: async (input, init) => {
      if (!isUp) throw new TypeError('the network is switched off');
      if (typeof init?.body === 'string') sentBytes += Buffer.byteLength(init.body);
      return fetch(input, init);
    },
    get sentBytes() {
      return sentBytes;
    },
    cut: () => {
      isUp = false;
    },
    restore: () => {
      isUp = true;
    },
  };
}

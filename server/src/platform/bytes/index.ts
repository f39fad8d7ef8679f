/** Bytes that change hands: who owns their memory, and when it is given back. */

/**
 * Bytes whose memory is theirs alone, so that they can change threads without a copy. Small Buffers share a pool with
 * others: sending one would send the whole pool along.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return isOwned(bytes) ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

/**
 * Gives the memory of bytes back that nobody reads again. The collector sees a page of a vault as an object of a few words and
 * would let hundreds of them lie until it counts what is behind them, and then look through the whole heap.
 */
export function releaseBytes(bytes: Uint8Array): void {
  if (isOwned(bytes)) bytes.buffer.transfer(0);
}

function isOwned(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.byteLength;
}

/**
 * Padmé padding (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs"): a
 * length keeps only as many significant bits as its exponent needs, so sizes fall into few buckets at a cost of at
 * most 12 %.
 *
 * A padded text is its length (4 bytes, big-endian), the bytes, and zeros up to the padded total.
 */
const lengthBytes = 4;

/** Wraps `bytes` up to a Padmé length. */
export function pad(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(padmeLength(lengthBytes + bytes.length));
  new DataView(padded.buffer).setUint32(0, bytes.length);
  padded.set(bytes, lengthBytes);
  return padded;
}

/** What `pad` was given, or `undefined` when the text was not made by it. */
export function unpad(padded: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  if (padded.length < lengthBytes) return undefined;
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  const end = lengthBytes + length;
  if (end > padded.length || padmeLength(end) !== padded.length) return undefined;
  if (padded.subarray(end).some((byte) => byte !== 0)) return undefined;
  return padded.subarray(lengthBytes, end);
}

/** The Padmé length that holds `length` bytes. */
export function padmeLength(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const exponentBits = Math.floor(Math.log2(exponent)) + 1;
  const unit = 2 ** Math.max(0, exponent - exponentBits);
  return Math.ceil(length / unit) * unit;
}

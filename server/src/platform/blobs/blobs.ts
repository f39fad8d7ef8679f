import type { Readable } from 'node:stream';

/**
 * Bytes under a key, wherever they lie. A key is made of parts joined by `/`, for example `files/<workspace>/<id>`;
 * no key is the beginning of another one's path.
 */
export interface Blobs {
  /**
   * Stores the bytes under the key, replacing what was there. Once this has answered they survive a crash; until
   * then readers see the old bytes or none, never a part. Throws a `BlobTooLargeError` past `sizeBytesMax`.
   */
  put(key: string, body: AsyncIterable<Uint8Array>, limits: { sizeBytesMax: number }): Promise<BlobStat>;
  /** The bytes, or those of `range`; undefined when there are none under this key. Destroy the stream if not read to its end. */
  get(key: string, options?: { range?: ByteRange }): Promise<Readable | undefined>;
  stat(key: string): Promise<BlobStat | undefined>;
  /** Removes what is under the key; removing nothing is fine. */
  delete(key: string): Promise<void>;
  /** Rejects when nothing could be stored at this moment. */
  probe(): Promise<void>;
  /** Proves that bytes can be written right now; throws what stands in the way, such as a full disk. */
  probe(): Promise<void>;
}

export interface BlobStat {
  readonly sizeBytes: number;
}

/** Both ends belong to it, as in HTTP (RFC 9110, section 14.1.2). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export class BlobTooLargeError extends Error {
  override readonly name = 'BlobTooLargeError';
  readonly sizeBytesMax: number;

  constructor(sizeBytesMax: number) {
    super(`the body is larger than ${sizeBytesMax} bytes`);
    this.sizeBytesMax = sizeBytesMax;
  }
}

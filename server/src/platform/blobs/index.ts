export { type BlobStat, type Blobs, BlobTooLargeError, type ByteRange } from './blobs.ts';
export { createLocalBlobs } from './local.ts';

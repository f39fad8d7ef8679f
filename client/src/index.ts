export { AlcoveError } from './errors.ts';
export { memoryStorage } from './storage/memory.ts';
export type { Storage, StorageHandle, StorageWrite } from './storage/storage.ts';

/**
 * `@alcove/client`: one person's private data on all their devices, end-to-end encrypted, offline first.
 *
 * Stores for Node are in `@alcove/client/node`, for browsers in `@alcove/client/browser`.
 */
export type { Device, Kind, Me, MemoryMeta, Meta, TagMeta } from '@alcove/contract';
export { type Client, type ClientOptions, createClient, type PendingPairing } from './client.ts';
export type { ListedDevice } from './devices.ts';
export { AlcoveError, type AlcoveErrorOptions, type ErrorDetail } from './errors.ts';
export type { DeviceDescription, Identity } from './identity.ts';
export type { SiblingVersion, VaultItem } from './items.ts';
export { memoryStorage } from './storage/memory.ts';
export type { Storage, StorageHandle, StorageWrite } from './storage/storage.ts';
export type { SyncResult } from './sync.ts';
export type { ItemInput, ItemRef, Vault, VaultChange, VaultEvents, VaultStatus } from './vault.ts';

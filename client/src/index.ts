/**
 * `@alcove/client`: accounts, workspaces and keys, and one person's private data on all their devices, end-to-end
 * encrypted, offline first.
 *
 * Stores for Node are in `@alcove/client/node`, for browsers in `@alcove/client/browser`.
 */
export type { Kind, MemoryMeta, Meta, TagMeta } from '@alcove/contract';
export type {
  AccountCalls,
  CurrentAccount,
  SignInInput,
  SignInOptions,
  SignUpInput,
} from './account.ts';
export type { Api, ApiAnswer, ApiInput, ApiOperation, ApiPath, CallOptions } from './api.ts';
export type { InWorkspace, KeyCalls } from './api-keys.ts';
export type { AuditCalls, AuditFilter } from './audit.ts';
export {
  type Client,
  type ClientOptions,
  createClient,
  type PendingPairing,
  type RecoveryCalls,
} from './client.ts';
export type { Conflict } from './conflicts.ts';
export type { ConnectionOptions } from './connection.ts';
export type { ListedDevice } from './devices.ts';
export { AlcoveError, type AlcoveErrorOptions, type ErrorDetail } from './errors.ts';
export type { DeviceDescription, Identity } from './identity.ts';
export type { ItemInput, Resolution } from './item-input.ts';
export type { ItemRef, SiblingVersion, VaultItem } from './items.ts';
export type { KeyClient, KeyClientOptions } from './key-client.ts';
export type { LiveState } from './live.ts';
export { type FieldClash, type FieldMerge, mergeFields } from './merge.ts';
export type * from './openapi.ts';
export type { ProviderCalls } from './providers.ts';
export type { RecoveryStatus } from './recovery.ts';
export type { JourneyInput, ServiceCalls } from './services.ts';
export type { SessionCalls } from './sessions.ts';
export type { RequestSigning } from './signing.ts';
export { memoryStorage } from './storage/memory.ts';
export type { ScanPart, Storage, StorageHandle, StorageWrite } from './storage/storage.ts';
export type { SyncResult } from './sync.ts';
export type { Vault } from './vault.ts';
export type { VaultChange, VaultEvents } from './vault-events.ts';
export type { VaultStatus } from './vault-status.ts';
export type { WorkspaceCalls } from './workspaces.ts';

import type { Secret } from '../crypto/index.ts';
import type { Setting } from './kinds.ts';
import { SettingsError } from './read.ts';
import { settingsTable } from './table.ts';

/** The machine that holds the vaults that are not files of this one. */
export type VaultHostSettings =
  | {
      readonly kind: 'libsql-server';
      readonly url: string;
      readonly adminUrl: string;
      readonly authToken: Secret | undefined;
      readonly adminKey: Secret | undefined;
    }
  | {
      readonly kind: 'turso';
      readonly apiUrl: string;
      readonly organization: string;
      readonly group: string;
      readonly apiToken: Secret;
    };

type Read = <T>(setting: Setting<T>) => T;

/** Undefined: every vault is a file of this machine. */
export function readVaultHost(read: Read): VaultHostSettings | undefined {
  const [server, turso] = [serverAt(read), tursoAt(read)];
  if (server !== undefined && turso !== undefined)
    throw new SettingsError(['VAULT_URL and TURSO_API_TOKEN exclude each other: set one of them.']);
  return server ?? turso;
}

/** Turso shows its log in another way. */
export function readVaultReplicas(read: Read, host: VaultHostSettings | undefined): boolean {
  const areWanted = read(settingsTable.vaultReplicas);
  if (areWanted && host?.kind !== 'libsql-server')
    throw new SettingsError(['VAULT_REPLICAS needs VAULT_URL: replicas are of vaults on a libSQL server.']);
  return areWanted;
}

function serverAt(read: Read): VaultHostSettings | undefined {
  const [url, adminUrl] = [read(settingsTable.vaultUrl), read(settingsTable.vaultAdminUrl)];
  if (url === undefined || adminUrl === undefined) return undefined;
  const [authToken, adminKey] = [read(settingsTable.vaultAuthToken), read(settingsTable.vaultAdminKey)];
  return { kind: 'libsql-server', url, adminUrl, authToken, adminKey };
}

function tursoAt(read: Read): VaultHostSettings | undefined {
  const apiToken = read(settingsTable.tursoApiToken);
  const organization = read(settingsTable.tursoOrganization);
  if (apiToken === undefined || organization === undefined) return undefined;
  return {
    kind: 'turso',
    apiToken,
    organization,
    group: read(settingsTable.tursoGroup) ?? 'default',
    apiUrl: read(settingsTable.tursoApiUrl) ?? 'https://api.turso.tech',
  };
}

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { AwsKmsOptions, Secret } from '../crypto/index.ts';
import type { LogLevel } from '../telemetry/index.ts';
import type { Setting } from './kinds.ts';
import type { Network } from './networks.ts';
import { type OAuthSettings, readOAuth } from './oauth-settings.ts';
import { type RateSettings, readRates } from './rate-settings.ts';
import { checkSettings, type Environment, readSetting } from './read.ts';
import { settingsTable } from './table.ts';
import { readVaultHost, readVaultReplicas, type VaultHostSettings } from './vault-homes.ts';

export type DatabaseSettings =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'postgres'; readonly url: Secret };

/** What was decided, for the process's whole life. Parts get their part of it as an argument. */
export interface Settings {
  /** Absolute path of the data folder. */
  readonly dataDir: string;
  readonly database: DatabaseSettings;
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Without a slash at its end. */
    readonly publicUrl: string;
    readonly corsOrigins: readonly string[];
    readonly bodyBytesMax: number;
    readonly headersTimeoutMs: number;
    readonly requestTimeoutMs: number;
    /** Where forwarded addresses are believed. */
    readonly trustedProxies: readonly Network[];
  };
  /** Requests in ten seconds and in an hour; a scale of 0 means no limits. */
  readonly rates: RateSettings;
  /** Undefined: nodes count alone and hear of each other through PostgreSQL. */
  readonly redisUrl: Secret | undefined;
  readonly operator: {
    /** Undefined: the file in the data folder holds it. */
    readonly token: Secret | undefined;
    /** Whether callers on this machine need no token. */
    readonly loopbackAllowed: boolean;
  };
  /** Undefined: the file in the data folder holds it. */
  readonly masterKey: Secret | undefined;
  /** What wraps the master key. Undefined: nothing does. */
  readonly kms: AwsKmsOptions | undefined;
  /** How long the epoch before the current one may still be written with. */
  readonly epochGraceMs: number;
  readonly log: { readonly level: LogLevel };
  /** Undefined: letters are written into a folder. */
  readonly mail: { readonly url: Secret; readonly from: string } | undefined;
  /** Where the links in letters lead. Without a slash at its end. */
  readonly appUrl: string;
  readonly oauth: OAuthSettings;
  readonly vaults: {
    /** Whether remote vaults are read from replicas. */
    readonly replicas: boolean;
    readonly workers: number;
    readonly openMax: number;
    readonly bytesMax: number;
    readonly itemsMax: number;
    readonly callsMax: number;
    readonly host: VaultHostSettings | undefined;
    readonly timeoutMs: number;
    readonly concurrencyMax: number;
  };
  readonly live: {
    readonly streamsMax: number;
    readonly perAccountMax: number;
    readonly heartbeatMs: number;
  };
  readonly workspaces: {
    readonly ownedMax: number;
    readonly membersMax: number;
    readonly invitationsMax: number;
    readonly storageBytesMax: number;
  };
  readonly guests: { readonly days: number; readonly storageBytesMax: number };
}

/** Decides the settings from environment variables. Throws one `SettingsError` that lists every problem. */
export function parseSettings(env: Environment): Settings {
  checkSettings(Object.values(settingsTable), env);
  const read = <T>(setting: Setting<T>): T => readSetting(setting, env);
  const host = read(settingsTable.host);
  const port = read(settingsTable.port);
  const publicUrl = read(settingsTable.publicUrl) ?? localAddress(host, port);
  const vaultHost = readVaultHost(read);
  return deepFreeze({
    dataDir: resolve(read(settingsTable.dataDir)),
    database: databaseAt(read(settingsTable.databaseUrl)),
    http: {
      host,
      port,
      publicUrl,
      corsOrigins: read(settingsTable.corsOrigins),
      bodyBytesMax: read(settingsTable.bodyBytesMax),
      headersTimeoutMs: read(settingsTable.headersTimeoutMs),
      requestTimeoutMs: read(settingsTable.requestTimeoutMs),
      trustedProxies: read(settingsTable.trustedProxies),
    },
    rates: readRates(read),
    redisUrl: read(settingsTable.redisUrl),
    operator: {
      token: read(settingsTable.operatorToken),
      loopbackAllowed: read(settingsTable.operatorLoopback),
    },
    masterKey: read(settingsTable.masterKey),
    kms: kmsAt(read),
    epochGraceMs: read(settingsTable.epochGraceSeconds) * 1000,
    log: { level: read(settingsTable.logLevel) },
    mail: mailAt(read),
    appUrl: read(settingsTable.appUrl) ?? publicUrl,
    oauth: readOAuth(read),
    vaults: {
      workers: read(settingsTable.vaultWorkers) ?? Math.max(4, availableParallelism()),
      openMax: read(settingsTable.vaultsOpenMax),
      bytesMax: read(settingsTable.vaultBytesMax),
      itemsMax: read(settingsTable.vaultItemsMax),
      callsMax: read(settingsTable.vaultCallsMax),
      host: vaultHost,
      replicas: readVaultReplicas(read, vaultHost),
      timeoutMs: read(settingsTable.vaultTimeoutSeconds) * 1000,
      concurrencyMax: read(settingsTable.vaultConcurrencyMax),
    },
    live: {
      streamsMax: read(settingsTable.liveStreamsMax),
      perAccountMax: read(settingsTable.liveStreamsPerAccountMax),
      heartbeatMs: read(settingsTable.liveHeartbeatMs),
    },
    workspaces: {
      ownedMax: read(settingsTable.workspacesOwnedMax),
      membersMax: read(settingsTable.workspaceMembersMax),
      invitationsMax: read(settingsTable.workspaceInvitationsMax),
      storageBytesMax: read(settingsTable.workspaceStorageBytesMax),
    },
    guests: {
      days: read(settingsTable.guestDays),
      storageBytesMax: read(settingsTable.guestStorageBytesMax),
    },
  });
}

function kmsAt(read: <T>(setting: Setting<T>) => T): AwsKmsOptions | undefined {
  const keyArn = read(settingsTable.kmsKeyArn);
  if (keyArn === undefined) return undefined;
  const accessKeyId = read(settingsTable.awsAccessKeyId);
  const secretAccessKey = read(settingsTable.awsSecretAccessKey);
  const sessionToken = read(settingsTable.awsSessionToken);
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, sessionToken };
  return { keyArn, baseUrl: read(settingsTable.kmsBaseUrl), credentials };
}

function mailAt(read: <T>(setting: Setting<T>) => T): Settings['mail'] {
  const [url, from] = [read(settingsTable.smtpUrl), read(settingsTable.mailFrom)];
  return url === undefined || from === undefined ? undefined : { url, from };
}

function databaseAt(url: Secret | undefined): DatabaseSettings {
  return url === undefined ? { kind: 'embedded' } : { kind: 'postgres', url };
}

/** Listening everywhere is not an address one can call. */
function localAddress(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) deepFreeze(member);
  }
  return Object.freeze(value);
}

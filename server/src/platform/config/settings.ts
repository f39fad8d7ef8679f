import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Secret } from '../crypto/index.ts';
import type { LogLevel } from '../telemetry/index.ts';
import type { Setting } from './kinds.ts';
import type { Network } from './networks.ts';
import { type RateSettings, readRates } from './rate-settings.ts';
import { checkSettings, type Environment, readSetting } from './read.ts';
import { settingsTable } from './table.ts';

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
  readonly log: { readonly level: LogLevel };
  readonly vaults: { readonly workers: number; readonly openMax: number };
}

/** Decides the settings from environment variables. Throws one `SettingsError` that lists every problem. */
export function parseSettings(env: Environment): Settings {
  checkSettings(Object.values(settingsTable), env);
  const read = <T>(setting: Setting<T>): T => readSetting(setting, env);
  const host = read(settingsTable.host);
  const port = read(settingsTable.port);
  return deepFreeze({
    dataDir: resolve(read(settingsTable.dataDir)),
    database: databaseAt(read(settingsTable.databaseUrl)),
    http: {
      host,
      port,
      publicUrl: read(settingsTable.publicUrl) ?? localAddress(host, port),
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
    log: { level: read(settingsTable.logLevel) },
    vaults: {
      workers: read(settingsTable.vaultWorkers) ?? Math.max(2, availableParallelism()),
      openMax: read(settingsTable.vaultsOpenMax),
    },
  });
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

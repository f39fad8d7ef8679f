import type { Secret } from '../crypto/index.ts';
import type { Setting } from './kinds.ts';
import { settingsTable } from './table.ts';

/** Whose accounts people may sign in with; undefined where that is not set up. */
export interface OAuthSettings {
  readonly google: OAuthClient | undefined;
  readonly github: (OAuthClient & { readonly apiBaseUrl: string }) | undefined;
  /** Addresses of apps that a sign-in may lead back to, each taken as a whole. */
  readonly redirects: readonly string[];
}

export interface OAuthClient {
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Without a slash at its end. */
  readonly baseUrl: string;
}

type Read = <T>(setting: Setting<T>) => T;

export function readOAuth(read: Read): OAuthSettings {
  const github = clientOf(
    read(settingsTable.githubClientId),
    read(settingsTable.githubClientSecret),
    read(settingsTable.githubBaseUrl) ?? 'https://github.com',
  );
  return {
    google: clientOf(
      read(settingsTable.googleClientId),
      read(settingsTable.googleClientSecret),
      read(settingsTable.googleBaseUrl) ?? 'https://accounts.google.com',
    ),
    github: github && {
      ...github,
      apiBaseUrl: read(settingsTable.githubApiBaseUrl) ?? 'https://api.github.com',
    },
    redirects: read(settingsTable.oauthRedirects),
  };
}

function clientOf(
  clientId: string | undefined,
  clientSecret: Secret | undefined,
  baseUrl: string,
): OAuthClient | undefined {
  return clientId === undefined || clientSecret === undefined
    ? undefined
    : { clientId, clientSecret, baseUrl };
}

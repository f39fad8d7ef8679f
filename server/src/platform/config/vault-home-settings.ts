import { flag, integer, secret, shaped, webAddress } from './kinds.ts';

/** Where vaults lie that are not files of this machine. */
export const vaultHomeSettings = {
  vaultUrl: webAddress({
    name: 'VAULT_URL',
    what: 'A libSQL server that holds the vaults of new accounts, as http(s)://host:port. Each vault is a namespace, asked for in the Host header; the address itself is the same for all. Without it, and without Turso, each vault is a file in the data folder.',
    group: 'vaults',
  }),
  vaultAdminUrl: webAddress({
    name: 'VAULT_ADMIN_URL',
    what: 'Its admin API, which makes and removes namespaces.',
    group: 'vaults',
  }),
  vaultAuthToken: secret({
    name: 'VAULT_AUTH_TOKEN',
    what: 'Token for every namespace of that server. Without it, none is sent.',
    expected: 'visible characters',
    accepts: isVisible,
  }),
  vaultAdminKey: secret({
    name: 'VAULT_ADMIN_KEY',
    what: 'What its admin API was given as --admin-auth-key. Without it, none is sent.',
    expected: 'visible characters',
    accepts: isVisible,
  }),
  vaultReplicas: flag({
    name: 'VAULT_REPLICAS',
    what: 'Whether this machine keeps replicas of the vaults on VAULT_URL while they are read, and answers pulls from them. They need that server to show its replication log, as sqld does, and are gone when they are closed.',
    fallback: false,
  }),
  vaultTimeoutSeconds: integer({
    name: 'VAULT_TIMEOUT_SECONDS',
    what: 'How long a request waits for a vault on another machine before it is told to come again.',
    min: 1,
    max: 60,
    fallback: 8,
  }),
  vaultConcurrencyMax: integer({
    name: 'ALCOVE_LIMIT_REMOTE_VAULTS_BUSY',
    what: 'Vaults on another machine that are worked on at once.',
    min: 1,
    max: 10_000,
    fallback: 64,
  }),
  tursoApiToken: secret({
    name: 'TURSO_API_TOKEN',
    what: 'Turso holds the vaults of new accounts, each in a database of its own. The token needs the rights to create and delete databases of the group and to mint tokens for them, and no others.',
    expected: 'visible characters',
    accepts: isVisible,
    group: 'turso',
  }),
  tursoOrganization: shaped({
    name: 'TURSO_ORGANIZATION',
    what: 'Organization that the databases belong to.',
    expected: 'the slug of an organization',
    accepts: isSlug,
    group: 'turso',
  }),
  tursoGroup: shaped({
    name: 'TURSO_GROUP',
    what: 'Group that the databases are made in; default unless set.',
    expected: 'the name of a group',
    accepts: isSlug,
  }),
  tursoApiUrl: webAddress({
    name: 'TURSO_API_URL',
    what: 'Its platform API; https://api.turso.tech unless set.',
  }),
};

function isVisible(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

function isSlug(value: string): boolean {
  return /^[\w-]{1,64}$/.test(value);
}

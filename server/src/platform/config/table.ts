import { logLevels } from '../telemetry/index.ts';
import {
  appAddresses,
  bytes,
  choice,
  flag,
  folder,
  integer,
  secret,
  shaped,
  text,
  webAddress,
  webOrigins,
} from './kinds.ts';
import { liveSettings } from './live-settings.ts';
import { networks } from './networks.ts';
import { rateSettings } from './rate-settings.ts';
import { vaultHomeSettings } from './vault-home-settings.ts';
import { vaultSettings } from './vault-settings.ts';
import { workspaceSettings } from './workspace-settings.ts';

const mebibyte = 2 ** 20;

/** Every setting there is, in the order a person wants to read them. A name stands here only while something reads it. */
export const settingsTable = {
  port: integer({
    name: 'PORT',
    what: 'Port to listen on; 0 takes any free one.',
    min: 0,
    max: 65_535,
    fallback: 8080,
  }),
  host: text({
    name: 'HOST',
    what: 'Address to listen on. 0.0.0.0 opens the service to the network: put a proxy with TLS in front.',
    fallback: '127.0.0.1',
  }),
  publicUrl: webAddress({
    name: 'PUBLIC_URL',
    what: 'Address under which clients reach the service; http://HOST:PORT unless set. It is the issuer of access tokens: changing it signs everyone out.',
  }),
  databaseUrl: secret({
    name: 'DATABASE_URL',
    what: 'PostgreSQL for accounts and devices, as postgres://user:password@host:5432/database. Without it, an embedded PostgreSQL lies in the data folder.',
    expected: 'an address such as postgres://user:password@host:5432/database',
    accepts: isPostgresAddress,
  }),
  redisUrl: secret({
    name: 'REDIS_URL',
    what: 'Redis, as redis://user:password@host:6379/0, through which several nodes share their limits on requests and tell each other what was revoked. Without it each node counts alone, and PostgreSQL carries the news.',
    expected: 'an address such as redis://user:password@host:6379/0',
    accepts: isRedisAddress,
  }),
  smtpUrl: secret({
    name: 'SMTP_URL',
    what: 'Mail server for letters to people, as smtp://user:password@host:587 or smtps://user:password@host:465. Without it, letters are written as files into the folder mails of the data folder.',
    expected: 'an address such as smtp://user:password@mail.example.com:587',
    accepts: isMailServerAddress,
    group: 'mail',
  }),
  mailFrom: shaped({
    name: 'MAIL_FROM',
    what: 'Sender of the letters.',
    expected: 'a mail address such as no-reply@example.com or Alcove <no-reply@example.com>',
    accepts: (value) => /^(?:[^<>@\r\n]* <)?[^\s<>@]+@[^\s<>@]+>?$/.test(value),
    group: 'mail',
  }),
  appUrl: webAddress({
    name: 'ALCOVE_APP_URL',
    what: 'Address of the app whose pages the links in letters open: /verify-email, /reset-password and /accept-invitation, with #token=… behind. Unless set, the service serves small pages of its own.',
  }),
  googleClientId: shaped({
    name: 'GOOGLE_CLIENT_ID',
    what: 'Sign-in with Google: the client that was registered there with the redirect address PUBLIC_URL/api/v1/auth/oauth/google/callback.',
    expected: 'visible characters',
    accepts: isVisible,
    group: 'google',
  }),
  googleClientSecret: secret({
    name: 'GOOGLE_CLIENT_SECRET',
    what: 'Its secret.',
    expected: 'visible characters',
    accepts: isVisible,
    group: 'google',
  }),
  googleBaseUrl: webAddress({
    name: 'GOOGLE_BASE_URL',
    what: 'Issuer of the identities, which describes itself under /.well-known/openid-configuration; https://accounts.google.com unless set.',
  }),
  githubClientId: shaped({
    name: 'GITHUB_CLIENT_ID',
    what: 'Sign-in with GitHub: the client that was registered there with the redirect address PUBLIC_URL/api/v1/auth/oauth/github/callback.',
    expected: 'visible characters',
    accepts: isVisible,
    group: 'github',
  }),
  githubClientSecret: secret({
    name: 'GITHUB_CLIENT_SECRET',
    what: 'Its secret.',
    expected: 'visible characters',
    accepts: isVisible,
    group: 'github',
  }),
  githubBaseUrl: webAddress({
    name: 'GITHUB_BASE_URL',
    what: 'Where people agree to the sign-in; https://github.com unless set.',
  }),
  githubApiBaseUrl: webAddress({
    name: 'GITHUB_API_BASE_URL',
    what: 'Its API; https://api.github.com unless set, https://HOST/api/v3 on a GitHub server of your own.',
  }),
  oauthRedirects: appAddresses({
    name: 'ALCOVE_OAUTH_REDIRECTS',
    what: 'Addresses of apps that a sign-in with Google or GitHub may lead back to, separated by commas, each compared as a whole.',
  }),
  dataDir: folder({
    name: 'ALCOVE_DATA_DIR',
    what: 'The data folder, which holds all state of this node. Back it up as a whole, with the service stopped.',
    fallback: './data',
  }),
  masterKey: secret({
    name: 'ALCOVE_MASTER_KEY',
    what: 'Key that wraps the keys of everything encrypted at rest: 32 random bytes in base64url, or what `alcove master-key create` prints. Several are separated by commas: the first encrypts, the others only decrypt. Without it, the file master.key in the data folder is made on the first start. Nodes that share a database share this key.',
    expected:
      '32 bytes in base64url without padding (43 characters), or several such keys separated by commas',
    accepts: (value) => value.split(',').every((key) => isMasterKey(key.trim())),
  }),
  kmsKeyArn: shaped({
    name: 'AWS_KMS_KEY_ID',
    what: 'Key of AWS KMS that wraps the master key, so that it never lies in the clear; asked once at each start. Set it before the first start, or run `alcove master-key rotate` afterwards.',
    expected:
      'the ARN of a symmetric key or of an alias, such as arn:aws:kms:eu-central-1:111122223333:key/…',
    accepts: (value) => /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/\S+$/.test(value),
  }),
  kmsBaseUrl: webAddress({
    name: 'AWS_KMS_BASE_URL',
    what: "Where AWS KMS answers; Amazon's address in the key's region unless set.",
  }),
  awsAccessKeyId: shaped({
    name: 'AWS_ACCESS_KEY_ID',
    what: "Identity for AWS. Without it, the machine's own role or profile is used.",
    expected: 'an access key id, such as AKIAIOSFODNN7EXAMPLE',
    accepts: (value) => /^\w{16,128}$/.test(value),
    group: 'aws',
  }),
  awsSecretAccessKey: secret({
    name: 'AWS_SECRET_ACCESS_KEY',
    what: 'Secret of AWS_ACCESS_KEY_ID.',
    expected: 'a secret access key',
    accepts: (value) => /^\S{16,}$/.test(value),
    group: 'aws',
  }),
  awsSessionToken: secret({
    name: 'AWS_SESSION_TOKEN',
    what: 'Token that goes with a temporary AWS_ACCESS_KEY_ID.',
    expected: 'a session token',
    accepts: (value) => /^\S+$/.test(value),
  }),
  epochGraceSeconds: integer({
    name: 'ALCOVE_EPOCH_GRACE_SECONDS',
    what: "How long a vault still takes changes under the key before the newest one, for devices that have not heard of it. A revoked device's key is worth no more than that for writing.",
    min: 0,
    max: 86_400,
    fallback: 60,
  }),
  operatorToken: secret({
    name: 'ALCOVE_OPERATOR_TOKEN',
    what: 'Bearer token for /health/detailed and /metrics. Without it, the file operator.token in the data folder is made on the first start.',
    expected: 'at least 24 visible characters',
    accepts: (value) => /^[\x21-\x7e]{24,}$/.test(value),
  }),
  operatorLoopback: flag({
    name: 'ALCOVE_OPERATOR_LOOPBACK',
    what: 'Whether callers on this machine need no operator token. Turn it off when a proxy on this machine forwards requests from outside.',
    fallback: true,
  }),
  corsOrigins: webOrigins({
    name: 'ALCOVE_CORS_ORIGINS',
    what: 'Web origins whose pages may call the service from a browser, separated by commas.',
  }),
  trustedProxies: networks({
    name: 'ALCOVE_TRUSTED_PROXIES',
    what: 'Networks of the proxies in front of the service, separated by commas, such as 10.0.0.0/8,::1. Only what comes from them may say in X-Forwarded-For where a request comes from; it is read from the right.',
  }),
  logLevel: choice({
    name: 'ALCOVE_LOG_LEVEL',
    what: 'The least level that is logged.',
    choices: logLevels,
    fallback: 'info',
  }),
  ...vaultSettings,
  ...vaultHomeSettings,
  bodyBytesMax: bytes({
    name: 'ALCOVE_LIMIT_BODY_BYTES',
    what: 'Largest request body where a route does not say otherwise.',
    min: 1024,
    max: 64 * mebibyte,
    fallback: mebibyte,
  }),
  headersTimeoutMs: integer({
    name: 'ALCOVE_LIMIT_HEADERS_MS',
    what: 'Milliseconds in which the head of a request has to arrive.',
    min: 100,
    max: 600_000,
    fallback: 15_000,
  }),
  requestTimeoutMs: integer({
    name: 'ALCOVE_LIMIT_REQUEST_MS',
    what: 'Milliseconds in which a whole request has to arrive, with its body.',
    min: 100,
    max: 3_600_000,
    fallback: 120_000,
  }),
  ...liveSettings,
  ...workspaceSettings,
  ...rateSettings,
} as const;

function isRedisAddress(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return (url?.protocol === 'redis:' || url?.protocol === 'rediss:') && url.hostname !== '';
}

/** Bare, or wrapped by a key service whose name stands in front. */
function isMasterKey(text: string): boolean {
  return /^(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]|aws-kms:[A-Za-z0-9_-]{64,})$/.test(text);
}

function isVisible(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

function isMailServerAddress(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return (url?.protocol === 'smtp:' || url?.protocol === 'smtps:') && url.hostname !== '';
}

function isPostgresAddress(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return (url?.protocol === 'postgres:' || url?.protocol === 'postgresql:') && url.pathname.length > 1;
}

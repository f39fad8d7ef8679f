import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { exampleFile, parseSettings, readEnvironment, SettingsError, settingsTable } from './index.ts';
import { secret } from './kinds.ts';
import { checkSettings } from './read.ts';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseSettings(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

test('an empty environment gives an embedded database on loopback', () => {
  const settings = parseSettings({});
  expect(settings.database).toEqual({ kind: 'embedded' });
  expect(settings.http).toMatchObject({ host: '127.0.0.1', port: 8080, publicUrl: 'http://127.0.0.1:8080' });
  expect(settings.dataDir).toBe(join(process.cwd(), 'data'));
  expect(settings.vaults.workers).toBeGreaterThanOrEqual(2);
});

test('AWS KMS is taken with its key, its address and credentials, and without any of them there is none', () => {
  const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const { kms } = parseSettings({
    AWS_KMS_KEY_ID: keyArn,
    AWS_KMS_BASE_URL: 'http://localhost:4566/',
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'hunter2-hunter2-hunter2',
  });
  expect(kms).toMatchObject({ keyArn, baseUrl: 'http://localhost:4566' });
  expect(kms?.credentials?.accessKeyId).toBe('AKIAIOSFODNN7EXAMPLE');
  expect(kms?.credentials?.secretAccessKey.reveal()).toBe('hunter2-hunter2-hunter2');
  expect(parseSettings({ AWS_KMS_KEY_ID: keyArn }).kms?.credentials).toBeUndefined();
  expect(parseSettings({}).kms).toBeUndefined();
});

test.each([
  [{ AWS_KMS_KEY_ID: '1234abcd-12ab-34cd-56ef-1234567890ab' }, 'AWS_KMS_KEY_ID: expected the ARN'],
  [{ AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }, 'AWS_SECRET_ACCESS_KEY is not set'],
  [
    { ALCOVE_MASTER_KEY: `${Buffer.alloc(32, 7).toString('base64url')},` },
    'ALCOVE_MASTER_KEY: expected 32 bytes',
  ],
  [{ VAULT_REPLICAS: 'true' }, 'VAULT_REPLICAS needs VAULT_URL'],
  [
    { VAULT_REPLICAS: 'true', TURSO_API_TOKEN: 'a-token', TURSO_ORGANIZATION: 'acme' },
    'VAULT_REPLICAS needs VAULT_URL',
  ],
])('%j is refused with the name of what is wrong', (env, sentence) => {
  expect(problemsOf(env).join(' ')).toContain(sentence);
});

test('every setting that is set arrives where it is used', () => {
  const settings = parseSettings({
    PORT: '9000',
    HOST: '::1',
    DATABASE_URL: 'postgres://me:hunter2@db/alcove',
    ALCOVE_DATA_DIR: '/srv/alcove',
    ALCOVE_MASTER_KEY: Buffer.alloc(32, 7).toString('base64url'),
    ALCOVE_OPERATOR_TOKEN: 'x'.repeat(24),
    ALCOVE_OPERATOR_LOOPBACK: 'false',
    ALCOVE_CORS_ORIGINS: 'https://a.example, http://localhost:5173',
    ALCOVE_LOG_LEVEL: 'debug',
    ALCOVE_VAULT_WORKERS: '3',
    ALCOVE_LIMIT_VAULTS_OPEN: '50',
    ALCOVE_LIMIT_BODY_BYTES: '2 MiB',
    ALCOVE_LIMIT_HEADERS_MS: '1000',
    ALCOVE_LIMIT_REQUEST_MS: '2000',
    ALCOVE_LIMIT_SCALE: '0.5',
    ALCOVE_LIMIT_RATE_SIGN_IN_BURST: '7',
    ALCOVE_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    REDIS_URL: 'redis://:hunter3@cache:6379/0',
  });
  expect(settings).toMatchObject({
    dataDir: '/srv/alcove',
    database: { kind: 'postgres' },
    http: {
      host: '::1',
      port: 9000,
      publicUrl: 'http://[::1]:9000',
      corsOrigins: ['https://a.example', 'http://localhost:5173'],
      bodyBytesMax: 2_097_152,
      headersTimeoutMs: 1000,
      requestTimeoutMs: 2000,
      trustedProxies: [
        ['10.0.0.0', 8],
        ['::1', 128],
      ],
    },
    rates: { scale: 0.5, 'sign-in': { burst: 7, sustained: 600 } },
    operator: { loopbackAllowed: false },
    log: { level: 'debug' },
    vaults: { workers: 3, openMax: 50 },
  });
  expect(settings.masterKey?.reveal()).toHaveLength(43);
  expect(settings.operator.token?.reveal()).toHaveLength(24);
});

test.each([
  ['0.0.0.0', 'http://localhost:8080'],
  ['::', 'http://localhost:8080'],
  ['192.168.1.5', 'http://192.168.1.5:8080'],
])('the public address of a service on %s is one that can be called', (HOST, expected) => {
  expect(parseSettings({ HOST }).http.publicUrl).toBe(expected);
});

test('the slash at the end of the public address does not become part of the issuer', () => {
  expect(parseSettings({ PUBLIC_URL: 'https://alcove.example/' }).http.publicUrl).toBe(
    'https://alcove.example',
  );
});

test.each([
  ['PORT', '80a'],
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PUBLIC_URL', 'alcove.example'],
  ['PUBLIC_URL', 'ftp://alcove.example'],
  ['DATABASE_URL', 'mysql://db/alcove'],
  ['DATABASE_URL', 'postgres://db'],
  ['ALCOVE_MASTER_KEY', 'c2hvcnQ'],
  ['ALCOVE_MASTER_KEY', `${'A'.repeat(42)}B`],
  ['ALCOVE_OPERATOR_TOKEN', 'short'],
  ['ALCOVE_OPERATOR_LOOPBACK', 'maybe'],
  ['ALCOVE_CORS_ORIGINS', '*'],
  ['ALCOVE_CORS_ORIGINS', 'https://a.example/path'],
  ['ALCOVE_LOG_LEVEL', 'loud'],
  ['ALCOVE_LIMIT_BODY_BYTES', '1 MB'],
  ['ALCOVE_LIMIT_SCALE', '-1'],
  ['ALCOVE_LIMIT_RATE_READ_BURST', '0'],
  ['ALCOVE_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['ALCOVE_TRUSTED_PROXIES', '10.0.0.0/8,proxy.example'],
  ['REDIS_URL', 'http://cache'],
  ['ALCOVE_LIMIT_BODY_BYTES', '12'],
])('%s=%s is refused, naming the setting and what was expected', (name, value) => {
  expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(`^${name}: expected .+;`)]);
});

test('all problems are reported at once', () => {
  const problems = problemsOf({ PORT: 'x', ALCOVE_LOG_LEVEL: 'loud', ALCOVE_DATADIR: '/tmp' });
  expect(problems).toHaveLength(3);
});

test('an unknown name of ours refuses to boot and proposes the nearest', () => {
  expect(problemsOf({ ALCOVE_DATADIR: '/tmp' })).toEqual([
    'ALCOVE_DATADIR is not a setting. Did you mean ALCOVE_DATA_DIR?',
  ]);
  expect(problemsOf({ ALCOVE_XYZZY: '1' })).toEqual(['ALCOVE_XYZZY is not a setting.']);
});

test('a group that is set half-way refuses to boot', () => {
  const words = { what: 'x', group: 's3', expected: 'x', accepts: () => true };
  const table = ['S3_BUCKET', 'S3_KEY', 'S3_SECRET'].map((name) => secret({ name, ...words }));
  expect(() => checkSettings(table, { S3_BUCKET: 'b' })).toThrow(
    'S3_BUCKET, S3_KEY, S3_SECRET go together, but S3_KEY, S3_SECRET are not set.',
  );
  expect(() => checkSettings(table, {})).not.toThrow();
  expect(() => checkSettings(table, { S3_BUCKET: 'b', S3_KEY: 'k', S3_SECRET: 's' })).not.toThrow();
});

test('an empty text counts as not set, because compose files pass empty variables', () => {
  expect(parseSettings({ PORT: '', DATABASE_URL: ' ' })).toMatchObject({
    http: { port: 8080 },
    database: { kind: 'embedded' },
  });
});

test('neither the settings nor a complaint about them show a secret', () => {
  const url = 'postgres://me:hunter2@db/alcove';
  expect(inspect(parseSettings({ DATABASE_URL: url }), { depth: 9 })).not.toContain('hunter2');
  expect(problemsOf({ DATABASE_URL: 'mysql://me:hunter2@db/x' }).join()).not.toContain('hunter2');
});

test('the settings cannot be changed later', () => {
  const settings = parseSettings({});
  expect(Object.isFrozen(settings)).toBe(true);
  expect(Object.isFrozen(settings.http)).toBe(true);
});

test('the real environment wins over the .env file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-env-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, '.env'), 'PORT=1111\nHOST="::1" # quoted\n');
  expect(readEnvironment(folder, { PORT: '2222' })).toEqual({ PORT: '2222', HOST: '::1' });
});

test('a folder without a .env file is no problem', () => {
  expect(readEnvironment('/nonexistent', { PORT: '2222' })).toEqual({ PORT: '2222' });
});

test('.env.example is what the settings say', () => {
  const committed = readFileSync(new URL('../../../../.env.example', import.meta.url), 'utf8');
  expect(committed).toBe(exampleFile());
});

test('.env.example with every line switched on means the defaults', () => {
  const lines = exampleFile().replaceAll(/^#([A-Z_]+=)/gm, '$1');
  const env = Object.fromEntries(
    [...lines.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  expect(Object.keys(env)).toHaveLength(Object.keys(settingsTable).length);
  expect(parseSettings(env)).toEqual(parseSettings({}));
});

import {
  createHash,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign as signBytes,
} from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  callApi,
  createTestClock,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../testing/index.ts';

const clock = createTestClock();
let server: TestServer;
let ada: Person;
beforeAll(async () => {
  server = await startTestServer({ clock });
  ada = await registerPerson(server.url);
});
afterAll(() => server.close());

/** The server restarts at another address, so nobody keeps one. */
const callAsAda = (method: string, path: string, body?: unknown) =>
  callApi(server.url, method, path, body, { authorization: `Bearer ${ada.tokens.accessToken}` });

/** How the service is known to its callers, whatever address the request takes. */
const publicUrl = 'http://alcove.test';

interface SigningKey {
  readonly secret: string;
  readonly publicId: string;
  sign(base: string): Buffer;
}

async function createKey(signing: object): Promise<Answer['body']> {
  const request = { name: 'Signer', scopes: ['identity:read', 'identity:write'], signing };
  const answer = await callAsAda('POST', '/auth/api-keys', request);
  expect(answer.status).toBe(201);
  return answer.body;
}

const idOf = (prefix: string) => prefix.slice('alc_'.length);

async function createEd25519Key(): Promise<SigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const body = await createKey({ algorithm: 'ed25519', publicKey: jwkOf(publicKey) });
  expect(body.signingSecret).toBeUndefined();
  return {
    secret: body.secret,
    publicId: idOf(body.prefix),
    sign: (base) => signBytes(null, Buffer.from(base), privateKey),
  };
}

async function createHmacKey(): Promise<SigningKey> {
  const body = await createKey({ algorithm: 'hmac-sha256' });
  const shared = Buffer.from(body.signingSecret, 'base64url');
  return {
    secret: body.secret,
    publicId: idOf(body.prefix),
    sign: (base) => createHmac('sha256', shared).update(base).digest(),
  };
}

function jwkOf(key: KeyObject) {
  const { kty, crv, x } = key.export({ format: 'jwk' });
  return { kty, crv, x };
}

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  /** What is sent after all, once it was signed. */
  readonly sent?: { readonly body?: unknown; readonly path?: string };
}

/** A request as a client that signs would write it. */
async function callSigned(key: SigningKey, request: Request = {}): Promise<Answer> {
  const { method = 'POST', path = '/auth/token', body = { ttlSeconds: 60 }, headers = {} } = request;
  const text = method === 'GET' ? undefined : JSON.stringify(body);
  const fields: Record<string, string> = { ...headers };
  if (text !== undefined) {
    const digest = createHash('sha256').update(text).digest('base64');
    fields['content-type'] = 'application/json';
    fields['content-digest'] = `sha-256=:${digest}:`;
  }
  const created = Math.floor(clock.now() / 1000);
  const covered = ['@method', '@target-uri', ...Object.keys(fields)];
  const parameters =
    `(${covered.map((name) => `"${name}"`).join(' ')});created=${created};keyid="${key.publicId}"` +
    `;nonce="${request.nonce ?? randomUUID()}"`;
  const values: Record<string, string> = {
    ...fields,
    '@method': method,
    '@target-uri': `${publicUrl}/api/v1${path}`,
  };
  const lines = covered.map((name) => `"${name}": ${values[name]}`);
  const signature = key.sign([...lines, `"@signature-params": ${parameters}`].join('\n')).toString('base64');
  return callApi(server.url, method, request.sent?.path ?? path, request.sent?.body ?? text, {
    authorization: `Bearer ${key.secret}`,
    ...fields,
    'signature-input': `sig=${parameters}`,
    signature: `sig=:${signature}:`,
  });
}

test.each([
  ['ed25519', createEd25519Key],
  ['hmac-sha256', createHmacKey],
])('a key with %s acts with a signature, and its stolen secret alone does nothing', async (_name, create) => {
  const key = await create();
  expect((await callSigned(key)).status).toBe(200);
  expect((await callSigned(key, { method: 'GET', path: '/auth/clients' })).status).toBe(200);
  const stolen = await callApi(server.url, 'GET', '/auth/clients', undefined, {
    authorization: `Bearer ${key.secret}`,
  });
  expect(stolen).toMatchObject({ status: 401, body: { code: 'signature.missing' } });
});

test('a signed request is good once', async () => {
  const key = await createEd25519Key();
  const nonce = randomUUID();
  expect((await callSigned(key, { nonce })).status).toBe(200);
  expect(await callSigned(key, { nonce })).toMatchObject({
    status: 401,
    body: { code: 'signature.replayed' },
  });
  const other = await createHmacKey();
  expect((await callSigned(other, { nonce })).status).toBe(200);
});

test('a request that was sent twenty times at once has one effect', async () => {
  const key = await createEd25519Key();
  const nonce = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => callSigned(key, { nonce })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ body }) => body.code === 'signature.replayed')).toHaveLength(19);
});

test('a nonce is remembered over a restart for as long as its signature would hold', async () => {
  const key = await createEd25519Key();
  const nonce = randomUUID();
  expect((await callSigned(key, { nonce })).status).toBe(200);
  await server.restart();
  expect((await callSigned(key, { nonce })).body.code).toBe('signature.replayed');
});

test.each<[string, Request['sent'], number, string]>([
  ['another body', { body: '{"ttlSeconds":3600}' }, 400, 'signature.digest_mismatch'],
  ['a body with one more space', { body: '{"ttlSeconds": 60}' }, 400, 'signature.digest_mismatch'],
  ['another route', { path: '/auth/token?x=1' }, 401, 'signature.invalid'],
])('%s than the one that was signed is refused', async (_name, sent, status, code) => {
  const key = await createEd25519Key();
  expect(await callSigned(key, sent === undefined ? {} : { sent })).toMatchObject({ status, body: { code } });
});

test('a signature is asked for anew with every idempotent retry, and the kept answer is for the signer alone', async () => {
  const key = await createEd25519Key();
  const headers = { 'idempotency-key': randomUUID() };
  const first = await callSigned(key, { headers });
  expect(first.status).toBe(200);
  const unsigned = await callApi(
    server.url,
    'POST',
    '/auth/token',
    { ttlSeconds: 60 },
    { authorization: `Bearer ${key.secret}`, ...headers },
  );
  expect(unsigned).toMatchObject({ status: 401, body: { code: 'signature.missing' } });
});

test('a token that a signing key made for a while is used without signatures', async () => {
  const key = await createEd25519Key();
  const { body } = await callSigned(key);
  const answer = await callApi(server.url, 'GET', '/auth/clients', undefined, {
    authorization: `Bearer ${body.accessToken}`,
  });
  expect(answer.status).toBe(200);
});

test('a key that need not sign is not asked to', async () => {
  const { secret } = await createKey({ algorithm: 'hmac-sha256' });
  expect(secret).toMatch(/^alc_/);
  const plain = await callAsAda('POST', '/auth/api-keys', { name: 'Plain', scopes: ['identity:read'] });
  expect(plain.body.signing).toBeNull();
  const authorization = `Bearer ${plain.body.secret}`;
  expect((await callApi(server.url, 'GET', '/auth/clients', undefined, { authorization })).status).toBe(200);
});

test('how a key signs is listed, and its shared secret is not', async () => {
  const body = await createKey({ algorithm: 'hmac-sha256' });
  const { body: list } = await callAsAda('GET', '/auth/api-keys?limit=200');
  const listed = list.data.find(({ id }: { id: string }) => id === body.id);
  expect(listed.signing).toEqual({ algorithm: 'hmac-sha256' });
  expect(JSON.stringify(list)).not.toContain(body.signingSecret);
});

test.each([
  ['a private key', { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), d: 'A'.repeat(43) }, 'request.invalid'],
  ['another curve', { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }, 'request.invalid'],
  ['a point of small order', { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }, 'device.invalid_key'],
])('%s is no key to sign with', async (_name, publicKey, code) => {
  const signing = { algorithm: 'ed25519', publicKey };
  expect(await callAsAda('POST', '/auth/api-keys', { name: 'x', scopes: ['*'], signing })).toMatchObject({
    status: 400,
    body: { code },
  });
});

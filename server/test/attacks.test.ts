/** What an attacker tries from outside, each with the answer that it gets. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, exportSPKI, importJWK, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  callApi,
  createTestClock,
  createTestDevice,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../src/testing/index.ts';
import { claimsOf, type ServiceKey, signedByHmac, stealSigningKey, unsigned } from './attacks/forge.ts';
import { countAnswers, exchange, lines, open } from './attacks/raw.ts';

const clock = createTestClock();
const password = 'seventeen green otters';
const headersTimeoutMs = 600;
const requestTimeoutMs = 1200;
let server: TestServer;
let key: ServiceKey;
let ada: Person;
beforeAll(async () => {
  server = await startTestServer({
    clock,
    env: {
      ALCOVE_LIMIT_HEADERS_MS: String(headersTimeoutMs),
      ALCOVE_LIMIT_REQUEST_MS: String(requestTimeoutMs),
    },
  });
  key = await stealSigningKey(server);
  ada = await registerPerson(server.url);
});
afterAll(() => server.close());

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  callApi(server.url, method, path, body, headers);
const meWith = (token: string) => call('GET', '/auth/me', undefined, { authorization: `Bearer ${token}` });
const isAlive = async () => (await fetch(`${server.url}/health`)).status === 200;

describe('forged access tokens', () => {
  const genuine = () => claimsOf(ada.tokens.accessToken);
  const seconds = () => Math.floor(clock.now() / 1000);
  const without = (...names: string[]): JWTPayload =>
    Object.fromEntries(Object.entries(genuine()).filter(([name]) => !names.includes(name)));

  test('one that the service could have made itself is accepted, so what follows is refused for its fault', async () => {
    expect((await meWith(await key.sign({}, genuine()))).status).toBe(200);
  });

  const own = generateKeyPairSync('ed25519').privateKey;
  const signOwn = async (header: object) =>
    new SignJWT(genuine())
      .setProtectedHeader({ alg: 'EdDSA', kid: key.id, typ: 'at+jwt', ...header })
      .sign(own);
  const ownPublic = () => exportJWK(createPublicKey(own));
  const publicKey = () => createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' });

  test.each<[string, () => string | Promise<string>]>([
    ['algorithm none, no signature', () => unsigned({ alg: 'none', typ: 'at+jwt' }, genuine())],
    ['algorithm NoNe', () => unsigned({ alg: 'NoNe', typ: 'at+jwt', kid: key.id }, genuine())],
    ['algorithm none with a signature', () => unsigned({ alg: 'none', typ: 'at+jwt' }, genuine(), 'AAAA')],
    [
      'a good signature under algorithm none',
      () =>
        unsigned(
          { alg: 'none', kid: key.id, typ: 'at+jwt' },
          genuine(),
          ada.tokens.accessToken.split('.')[2],
        ),
    ],
    [
      'HS256 with the bytes of the public key',
      () =>
        signedByHmac(
          { alg: 'HS256', kid: key.id, typ: 'at+jwt' },
          genuine(),
          Buffer.from(String(key.publicJwk.x), 'base64url'),
        ),
    ],
    [
      'HS256 with the text of the public key',
      () => signedByHmac({ alg: 'HS256', kid: key.id, typ: 'at+jwt' }, genuine(), String(key.publicJwk.x)),
    ],
    [
      'HS256 with the published JWK',
      () =>
        signedByHmac({ alg: 'HS256', kid: key.id, typ: 'at+jwt' }, genuine(), JSON.stringify(key.publicJwk)),
    ],
    [
      'HS256 with the public key as PEM',
      async () =>
        signedByHmac({ alg: 'HS256', kid: key.id, typ: 'at+jwt' }, genuine(), await exportSPKI(publicKey())),
    ],
    ['HS256 with an empty secret', () => signedByHmac({ alg: 'HS256', kid: key.id }, genuine(), '')],
    [
      'RS256 with a key of the attacker',
      () =>
        new SignJWT(genuine())
          .setProtectedHeader({ alg: 'RS256', kid: key.id, typ: 'at+jwt' })
          .sign(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    ],
    [
      'ES256 with a key of the attacker',
      () =>
        new SignJWT(genuine())
          .setProtectedHeader({ alg: 'ES256', kid: key.id, typ: 'at+jwt' })
          .sign(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    ['a signature by another key', () => signOwn({})],
    ["the attacker's key in the header", async () => signOwn({ jwk: await ownPublic() })],
    [
      "the attacker's key in the header, named by its own id",
      async () => signOwn({ jwk: await ownPublic(), kid: 'mine' }),
    ],
    ['an address of keys in the header', () => signOwn({ jku: 'https://evil.example/jwks.json' })],
    ['an address of certificates in the header', () => signOwn({ x5u: 'https://evil.example/x' })],
    ['a key id that nobody has', () => key.sign({ kid: 'unknown' }, genuine())],
    ['a key id that is a path', () => key.sign({ kid: '../../../dev/null' }, genuine())],
    ['a key id that is SQL', () => key.sign({ kid: "' or 1=1 --" }, genuine())],
    ['a key id that is a member of every object', () => key.sign({ kid: '__proto__' }, genuine())],
    ['no key id', async () => unsignedLike(await key.sign({}, genuine()), { alg: 'EdDSA', typ: 'at+jwt' })],
    ['no type', async () => unsignedLike(await key.sign({}, genuine()), { alg: 'EdDSA', kid: key.id })],
    ['the type of another token', () => key.sign({ typ: 'JWT' }, genuine())],
    ['the type of a refresh token', () => key.sign({ typ: 'rt+jwt' }, genuine())],
    [
      'a header that nobody understands but must',
      () => unsignedLike(ada.tokens.accessToken, { alg: 'EdDSA', kid: key.id, typ: 'at+jwt', crit: ['x'] }),
    ],
    ['another audience', () => key.sign({}, { ...genuine(), aud: 'another-service' })],
    ['no audience', () => key.sign({}, without('aud'))],
    ['another issuer', () => key.sign({}, { ...genuine(), iss: 'https://evil.example' })],
    ['no issuer', () => key.sign({}, without('iss'))],
    ['an end that has passed', () => key.sign({}, { ...genuine(), exp: seconds() - 60 })],
    ['no end', () => key.sign({}, without('exp'))],
    ['a beginning that is to come', () => key.sign({}, { ...genuine(), nbf: seconds() + 600 })],
    ['no session', () => key.sign({}, without('sid'))],
    ['a session that never was', () => key.sign({}, { ...genuine(), sid: ada.account.id })],
    ['a session that is no id', () => key.sign({}, { ...genuine(), sid: "' or 1=1 --" })],
    ['no account', () => key.sign({}, without('sub'))],
    [
      'claims of another account under the old signature',
      () => {
        const [header, , signature] = ada.tokens.accessToken.split('.');
        const claims = Buffer.from(JSON.stringify({ ...genuine(), sub: key.id })).toString('base64url');
        return `${header}.${claims}.${signature}`;
      },
    ],
    ['a refresh token', () => ada.tokens.refreshToken],
    ['four parts', () => `${ada.tokens.accessToken}.AAAA`],
    ['a signature with one bit changed', () => flipLastBit(ada.tokens.accessToken)],
    ['an API key that nobody made', () => `alc_AAAAAAAA_${'A'.repeat(49)}`],
    ['text of four thousand characters', () => 'A'.repeat(4000)],
  ])('%s: 401', async (_name, forge) => {
    const answer = await meWith(await forge());
    expect(answer.status).toBe(401);
    expect(answer.body.code).toMatch(/^auth\./);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  /** The same claims and signature under another header: the signature then holds for neither. */
  function unsignedLike(token: string, header: object): string {
    const [, claims, signature] = token.split('.');
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.${signature}`;
  }

  function flipLastBit(token: string): string {
    const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url');
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    return [...token.split('.').slice(0, 2), bytes.toString('base64url')].join('.');
  }

  test.each<[string, () => Promise<{ status: number }>]>([
    ['in the query', () => call('GET', `/auth/me?access_token=${ada.tokens.accessToken}`)],
    ['in a cookie', () => call('GET', '/auth/me', undefined, { cookie: `token=${ada.tokens.accessToken}` })],
    [
      'under another scheme',
      () => call('GET', '/auth/me', undefined, { authorization: `Basic ${ada.tokens.accessToken}` }),
    ],
    [
      'in a header of its own',
      () => call('GET', '/auth/me', undefined, { 'x-access-token': ada.tokens.accessToken }),
    ],
  ])('a good token %s opens nothing', async (_where, attempt) => {
    expect((await attempt()).status).toBe(401);
  });

  test('a key that signs for a person is no key of the service', async () => {
    const jwk = await importJWK(await exportJWK(own), 'EdDSA');
    const token = await new SignJWT(genuine()).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt' }).sign(jwk);
    expect((await meWith(token)).status).toBe(401);
  });
});

describe('stolen refresh tokens', () => {
  const refresh = (refreshToken: string) => call('POST', '/auth/refresh', { refreshToken });

  async function chainOf(length: number) {
    const person = await registerPerson(server.url);
    const chain = [person.tokens];
    while (chain.length < length) chain.push((await refresh(chain.at(-1)?.refreshToken ?? '')).body.tokens);
    return chain;
  }

  test.each([
    ['the first of three', [0]],
    ['the second of three', [1]],
    ['both used ones, the older first', [0, 1]],
    ['both used ones, the younger first', [1, 0]],
    ['the last, and then a used one', [2, 1]],
    ['the last, and then the first', [2, 0]],
    ['a used one twice', [0, 0]],
  ])('%s: whoever has it, everybody is signed out', async (_name, order) => {
    const chain = await chainOf(3);
    clock.forward(11_000);
    const answers = [];
    for (const at of order) answers.push(await refresh(chain[at]?.refreshToken ?? ''));
    expect(answers.at(-1)?.status).toBe(401);
    expect(answers.some(({ body }) => body.code === 'auth.refresh_reused')).toBe(true);
    const successors = answers.flatMap(({ body }) => body.tokens ?? []);
    for (const tokens of [...chain, ...successors]) {
      expect((await refresh(tokens.refreshToken)).status).toBe(401);
      expect((await meWith(tokens.accessToken)).status).toBe(401);
    }
  });

  test('the thief and the owner at once: one successor at most, and one use later nobody is in', async () => {
    const [first] = await chainOf(1);
    const both = await Promise.all([refresh(first?.refreshToken ?? ''), refresh(first?.refreshToken ?? '')]);
    const successors = new Set(both.flatMap(({ body }) => body.tokens?.refreshToken ?? []));
    expect(successors.size).toBe(1);
    const [successor = ''] = successors;
    await refresh(successor);
    expect((await refresh(first?.refreshToken ?? '')).body.code).toBe('auth.refresh_reused');
    expect((await refresh(successor)).status).toBe(401);
  });

  test.each([
    ['an access token', () => ada.tokens.accessToken, 400],
    ['a changed token', () => `A${ada.tokens.refreshToken.slice(1)}`, 401],
    ['SQL', () => "' or 1=1 --", 401],
  ])('%s in its place is refused and ends nothing', async (_name, token, status) => {
    expect((await refresh(token())).status).toBe(status);
    expect((await meWith(ada.tokens.accessToken)).status).toBe(200);
  });
});

describe('guessing', () => {
  test('a password: after ten wrong ones even the right one has to wait, and others do not', async () => {
    for (const email of ['guessed@example.com', 'spared@example.com'])
      expect((await call('POST', '/auth/signup', { email, password })).status).toBe(201);
    const login = (email: string, tried: string) => call('POST', '/auth/login', { email, password: tried });
    for (let guess = 0; guess < 10; guess += 1)
      expect((await login('guessed@example.com', `wrong guess ${guess}`)).body.code).toBe(
        'auth.invalid_credentials',
      );
    await login('guessed@example.com', 'one guess more');
    const refused = await login('guessed@example.com', password);
    expect(refused).toMatchObject({ status: 429, body: { code: 'auth.too_many_attempts' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await login('spared@example.com', password)).status).toBe(200);
    clock.forward(1_000_000);
    expect((await login('guessed@example.com', password)).status).toBe(200);
  });

  test('the secret of an API key: a good id tells nothing', async () => {
    const { body } = await ada.call('POST', '/auth/api-keys', { name: 'x', scopes: ['identity:read'] });
    const half = body.secret.slice(0, 20);
    const answers = await Promise.all(
      [`${half}${'A'.repeat(body.secret.length - 20)}`, `alc_ZZZZZZZZ_${'A'.repeat(49)}`].map(meWith),
    );
    const [known, unknown] = answers.map((answer) => ({ ...answer.body, requestId: '' }));
    expect(known).toEqual(unknown);
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
  });
});

describe('members that nobody asked for', () => {
  test.each<[string, string, object]>([
    ['POST', '/auth/register', { device: createTestDevice().input, kind: 'password' }],
    ['POST', '/auth/register', { device: { ...createTestDevice().input, id: 'mine', endorsedBy: 'me' } }],
    ['POST', '/auth/signup', { email: 'mass@example.com', password, role: 'owner' }],
    ['POST', '/auth/signup', { email: 'mass@example.com', password, emailVerified: true }],
    ['POST', '/auth/login', { email: 'mass@example.com', password, workspaceId: 'other' }],
    ['PATCH', '/auth/me', { displayName: 'Ada', kind: 'operator' }],
    ['PATCH', '/auth/me', { displayName: 'Ada', id: '00000000-0000-7000-8000-000000000000' }],
    ['PATCH', '/auth/devices/:device', { name: 'Mine', accountId: 'other' }],
    ['POST', '/workspaces', { name: 'Mine', id: 'other' }],
    ['POST', '/workspaces', { name: 'Mine', personal: true }],
    ['PATCH', '/workspaces/:workspace', { name: 'Mine', quota: 1_000_000 }],
    ['POST', '/auth/api-keys', { name: 'Mine', scopes: ['identity:read'], workspaceId: 'other' }],
    ['POST', '/auth/logout', { everywhere: true, accountId: 'other' }],
  ])('%s %s refuses %j', async (method, path, body) => {
    const target = path.replace(':device', ada.device.id).replace(':workspace', ada.workspace.id);
    const answer = await ada.call(method, target, body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(answer.body.errors).toContainEqual(expect.objectContaining({ detail: 'is not a known member' }));
  });

  test.each([
    ['{"device":{"__proto__":{"polluted":true}}}'],
    ['{"__proto__":{"polluted":true}}'],
    ['{"constructor":{"prototype":{"polluted":true}}}'],
    ['{"device":{"constructor":{"prototype":{"polluted":true}}}}'],
    [String.raw`{"__\u0070roto__":{"polluted":true}}`],
  ])('no body makes every object something else: %s', async (body) => {
    expect((await call('POST', '/auth/register', body)).status).toBe(400);
    expect('polluted' in {}).toBe(false);
  });

  test.each(['__proto__[polluted]=1', 'constructor.prototype.polluted=1', '__proto__=1'])(
    'nor does the query %s',
    async (query) => {
      expect((await ada.call('GET', `/auth/devices?${query}`)).status).toBe(400);
      expect('polluted' in {}).toBe(false);
    },
  );
});

describe('bodies that cost', () => {
  const deep = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);
  const isQuick = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const result = await work();
    expect(performance.now() - startedAt).toBeLessThan(2000);
    return result;
  };

  test.each<[string, () => string, number]>([
    ['ten thousand levels of lists', () => `{"device":${deep(10_000)}}`, 400],
    [
      'ten thousand levels of objects',
      () => `{"device":${deep(10_000, '{"a":', '').slice(0, -5)}1${'}'.repeat(9_999)}}`,
      400,
    ],
    ['half a million levels', () => `{"device":${deep(500_000)}}`, 400],
    ['levels that are never closed', () => '['.repeat(100_000), 400],
    ['half a million numbers', () => `{"device":[${'0,'.repeat(500_000)}0]}`, 400],
    [
      'twenty thousand unknown members',
      () => `{${Array.from({ length: 20_000 }, (_, at) => `"m${at}":1`).join()}}`,
      400,
    ],
    ['a number of a million digits', () => `{"device":${'9'.repeat(1_000_000)}}`, 400],
    ['a text of a million escapes', () => `{"device":"${String.raw`\u0000`.repeat(150_000)}"}`, 400],
    ['more than a megabyte', () => `{"device":"${'x'.repeat(1024 * 1024)}"}`, 413],
    ['ten megabytes', () => `{"device":"${'x'.repeat(10 * 1024 * 1024)}"}`, 413],
  ])('%s: refused soon, and with a short answer', async (_name, body, status) => {
    const answer = await isQuick(() => call('POST', '/auth/register', body()));
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body).length).toBeLessThan(4000);
    expect(await isAlive()).toBe(true);
  });

  test.each<[string, () => string]>([
    ['a million levels', () => `{"changes":${deep(1_000_000)}}`],
    ['a million levels inside of a change', () => `{"changes":[{"id":${deep(1_000_000)}}]}`],
    ['a million changes', () => `{"changes":[${'{},'.repeat(1_000_000)}{}]}`],
  ])('%s in a push: refused soon, and the vaults go on', async (_name, body) => {
    const answer = await isQuick(() => ada.call('POST', '/sync/push', body()));
    expect([200, 400]).toContain(answer.status);
    expect((await ada.call('GET', '/sync/pull')).status).toBe(200);
  });

  test('a body without a length is cut at the limit all the same', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const received = await exchange(
      server.url,
      lines(
        'POST /api/v1/auth/register HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
        '',
        chunk.repeat(20),
      ),
    );
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('heads of more than sixteen kilobytes are refused', async () => {
    const received = await exchange(
      server.url,
      lines('GET /health HTTP/1.1', 'Host: localhost', `X-Long: ${'x'.repeat(20_000)}`, '', ''),
    );
    expect(received).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('slow requests', () => {
  const slackMs = 1500;

  test.each<[string, string, number]>([
    ['a head that never ends', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', headersTimeoutMs],
    [
      'a body that never comes',
      lines(
        'POST /api/v1/auth/register HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Content-Length: 1000',
        '',
        '{"device":',
      ),
      requestTimeoutMs,
    ],
    [
      'chunks that never end',
      lines(
        'POST /api/v1/auth/register HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
        '',
        '1',
        '{',
        '',
      ),
      requestTimeoutMs,
    ],
  ])('%s: cut in time, however steadily it trickles', async (_name, begin, timeoutMs) => {
    const startedAt = performance.now();
    const { socket, received } = await open(server.url);
    socket.write(begin);
    const trickle = setInterval(() => socket.write(begin.includes('chunked') ? '1\r\nx\r\n' : 'x'), 100);
    const answer = await received;
    clearInterval(trickle);
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs + slackMs);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('two hundred of them at once keep nobody else waiting', async () => {
    const slow = await Promise.all(Array.from({ length: 200 }, () => open(server.url)));
    for (const { socket } of slow) socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const cut = slow.map(({ received }) => received);
    const me = ada.call('GET', '/auth/me').then(({ status }) => status);
    expect(await Promise.race([me, ...cut])).toBe(200);
    await Promise.all(cut);
    expect(await isAlive()).toBe(true);
  });
});

describe('requests that two readers read differently', () => {
  const secondRequest = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const post = (...headers: string[]) =>
    lines(
      'POST /api/v1/auth/register HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      ...headers,
      '',
      '',
    );

  test.each<[string, string]>([
    ['two lengths', `${post('Content-Length: 2', 'Content-Length: 50')}{}${secondRequest}`],
    ['two lengths in one field', `${post('Content-Length: 2, 50')}{}${secondRequest}`],
    [
      'a length and chunks',
      `${post('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${secondRequest}`,
    ],
    [
      'chunks and a length',
      `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}0\r\n\r\n${secondRequest}`,
    ],
    ['a coding after chunks', `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n${secondRequest}`],
    ['a coding that nobody knows', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${secondRequest}`],
    ['a space before the colon', `${post('Transfer-Encoding : chunked')}0\r\n\r\n${secondRequest}`],
    ['a negative length', `${post('Content-Length: -1')}${secondRequest}`],
    ['a length with a sign', `${post('Content-Length: +2')}{}${secondRequest}`],
    ['a length in hexadecimal', `${post('Content-Length: 0x2')}{}${secondRequest}`],
    [
      'a chunk of endless size',
      `${post('Transfer-Encoding: chunked')}fffffffffffffffff\r\n{}${secondRequest}`,
    ],
    ['a chunk size that is none', `${post('Transfer-Encoding: chunked')}zz\r\n{}\r\n${secondRequest}`],
    [
      'a folded field',
      `${post('X-Folded: a', ' Content-Length: 50', 'Content-Length: 2')}{}${secondRequest}`,
    ],
    [
      'a bare line feed in a field',
      `${post('X-A: b\nContent-Length: 50', 'Content-Length: 2')}{}${secondRequest}`,
    ],
    ['a NUL in a field', `${post('X-A: b\0c', 'Content-Length: 2')}{}${secondRequest}`],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n'],
  ])('%s: refused once, and the connection is closed', async (_name, text) => {
    const received = await exchange(server.url, text);
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(countAnswers(received)).toBe(1);
    expect(received).toMatch(/^connection: close/im);
  });
});

describe('headers that mean to be something else', () => {
  test.each(['a\r\nX-Injected: 1', 'a\nX-Injected: 1', 'a%0d%0aX-Injected: 1', 'a\rX-Injected: 1'])(
    'no X-Request-Id writes a header of the answer: %j',
    async (id) => {
      const received = await exchange(
        server.url,
        lines('GET /health HTTP/1.1', 'Host: localhost', `X-Request-Id: ${id}`, 'Connection: close', '', ''),
      );
      const [head = ''] = received.split('\r\n\r\n');
      expect(head).not.toMatch(/^x-injected/im);
      expect(head).not.toContain('%0d%0a');
    },
  );

  test.each(['two words', 'ä', 'x'.repeat(256), ''])(
    'no Idempotency-Key but visible ASCII: %j',
    async (given) => {
      const person = await registerPerson(server.url);
      const received = await exchange(
        server.url,
        lines(
          'POST /api/v1/auth/logout HTTP/1.1',
          'Host: localhost',
          `Authorization: Bearer ${person.tokens.accessToken}`,
          `Idempotency-Key: ${given}`,
          'Content-Length: 0',
          'Connection: close',
          '',
          '',
        ),
      );
      expect(received).toMatch(/^HTTP\/1\.1 400 /);
    },
  );

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])(
    '%s changes no method',
    async (name) => {
      const person = await registerPerson(server.url);
      const path = `/auth/devices/${person.device.id}`;
      const answer = await person.call('PATCH', path, { name: 'Renamed' }, { [name]: 'DELETE' });
      expect(answer).toMatchObject({ status: 200, body: { name: 'Renamed' } });
      expect((await person.call('GET', '/auth/devices')).body.data).toHaveLength(1);
    },
  );

  test('no method is taken from the query or the body', async () => {
    const person = await registerPerson(server.url);
    const answer = await person.call('PATCH', `/auth/devices/${person.device.id}?_method=DELETE`, {
      name: 'Renamed',
    });
    expect(answer.body.name ?? answer.body.code).toMatch(/^(?:Renamed|request\.invalid)$/);
    expect((await person.call('GET', '/auth/devices')).body.data).toHaveLength(1);
  });

  test.each(['TRACE', 'CONNECT', 'PROPFIND'])('%s shows nobody their own headers', async (method) => {
    const received = await exchange(
      server.url,
      lines(
        `${method} /api/v1/auth/me HTTP/1.1`,
        'Host: localhost',
        'X-Mark: reflected',
        'Connection: close',
        '',
        '',
      ),
    );
    expect(received).not.toMatch(/^HTTP\/1\.1 2/);
    expect(received).not.toContain('reflected');
  });
});

describe('a host that is not ours', () => {
  const asked = (path: string, host: string, ...headers: string[]) =>
    exchange(
      server.url,
      lines(`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''),
    );

  test.each(['/', '/docs', '/docs/', '/openapi.json', '/.well-known/jwks.json', '/nothing'])(
    'appears nowhere in what %s answers',
    async (path) => {
      const forwarded = ['X-Forwarded-Host: evil.example', 'Forwarded: host=evil.example'];
      expect(await asked(path, 'evil.example', ...forwarded)).not.toContain('evil.example');
    },
  );

  test('appears in no token', async () => {
    const received = await exchange(
      server.url,
      lines(
        'POST /api/v1/auth/register HTTP/1.1',
        'Host: evil.example',
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Proto: https',
        'Content-Type: application/json',
        `Content-Length: ${JSON.stringify({ device: createTestDevice().input }).length}`,
        'Connection: close',
        '',
        JSON.stringify({ device: createTestDevice().input }),
      ),
    );
    const token = /"accessToken":"([^"]+)"/.exec(received)?.[1] ?? '';
    expect(claimsOf(token).iss).toBe('http://alcove.test');
  });

  test('appears in no letter: the link to a new password leads to our own address', async () => {
    await call('POST', '/auth/signup', { email: 'poisoned@example.com', password });
    const body = JSON.stringify({ email: 'poisoned@example.com' });
    const received = await exchange(
      server.url,
      lines(
        'POST /api/v1/auth/password/forgot HTTP/1.1',
        'Host: evil.example',
        'X-Forwarded-Host: evil.example',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        'Connection: close',
        '',
        body,
      ),
    );
    expect(received).toMatch(/^HTTP\/1\.1 202 /);
    const letter = await waitForLetter(server, 'poisoned@example.com', /Choose a new password/);
    expect(letter).toContain('http://alcove.test/reset-password#token=');
    expect(letter).not.toContain('evil.example');
  });

  test('makes nobody an operator: a page whose name means this machine gets nothing from its visitors', async () => {
    expect(await asked('/metrics', '127.0.0.1:8080')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await asked('/metrics', 'localhost')).toMatch(/^HTTP\/1\.1 200 /);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', ''])
      expect(await asked('/metrics', host)).toMatch(/^HTTP\/1\.1 40[01] /);
  });

  test.each([
    'X-Forwarded-For: 127.0.0.1',
    'X-Real-Ip: 127.0.0.1',
    'Forwarded: for=127.0.0.1',
    'Via: 1.1 proxy',
  ])('nor does %s', async (header) => {
    expect(await asked('/metrics', 'localhost', header)).toMatch(/^HTTP\/1\.1 401 /);
  });
});

test('after all of this the service is well', async () => {
  await sleep(100);
  const person = await registerPerson(server.url);
  expect((await person.call('GET', '/auth/me')).status).toBe(200);
});

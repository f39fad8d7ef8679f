import { describe, expect, it } from 'vitest';
import { createHttp, parseRetryAfter } from './http.ts';
import { isRecord } from './wire.ts';

interface Call {
  readonly url: string;
  readonly init: RequestInit;
}

/** A transport that answers what it is told, one answer after the other, the last for ever. */
function scripted(...answers: (Response | Error | (() => Response))[]) {
  const calls: Call[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}) => {
    const answer = answers[Math.min(calls.length, answers.length - 1)];
    calls.push({ url: String(url), init });
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error('nothing scripted');
    return typeof answer === 'function' ? answer() : answer.clone();
  };
  const http = createHttp({
    url: 'https://alcove.example/',
    fetch,
    timeoutMs: 200,
    random: () => 0,
    closed: new AbortController().signal,
  });
  return { http, calls };
}

const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  new Response(
    JSON.stringify({
      type: 'about:blank',
      title: 'T',
      status,
      detail: 'A sentence.',
      code,
      requestId: 'r-1',
    }),
    { status, headers: { 'Content-Type': 'application/problem+json', ...headers } },
  );
const ok = Response.json({ fine: true });
const get = { method: 'GET', path: '/api/v1/auth/me', answer: isRecord } as const;
const post = { ...get, method: 'POST' } as const;

describe('a request', () => {
  it('goes to its path with token, key, workspace and JSON', async () => {
    const { http, calls } = scripted(ok);
    await http.request({ ...post, body: { a: 1 }, token: 't', idempotencyKey: 'k', workspaceId: 'w' });
    expect(calls[0]?.url).toBe('https://alcove.example/api/v1/auth/me');
    expect(calls[0]?.init.headers).toMatchObject({
      Authorization: 'Bearer t',
      'Idempotency-Key': 'k',
      'Alcove-Workspace': 'w',
      'Content-Type': 'application/json',
    });
  });

  it('turns a problem into an error with the code of the server', async () => {
    const { http } = scripted(problem(404, 'device.not_found'));
    await expect(http.request(get)).rejects.toMatchObject({
      code: 'device.not_found',
      status: 404,
      requestId: 'r-1',
      message: 'A sentence.',
    });
  });

  it('names the status when something on the way answered instead of the server', async () => {
    const { http } = scripted(new Response('<html>Bad gateway</html>', { status: 502 }));
    await expect(http.request(post)).rejects.toMatchObject({ code: 'http.502', status: 502 });
  });

  it('refuses an answer that is not what the contract says', async () => {
    const { http } = scripted(Response.json([1, 2]));
    await expect(http.request(get)).rejects.toMatchObject({ code: 'protocol' });
    await expect(scripted(new Response('hello')).http.request(get)).rejects.toMatchObject({
      code: 'protocol',
    });
  });

  it.each([
    ['a cut connection', new TypeError('fetch failed')],
    ['a full server', problem(503, 'vault.unavailable')],
    ['too many requests', problem(429, 'limit.exceeded')],
  ])('is repeated after %s when repeating changes nothing', async (_what, failure) => {
    const { http, calls } = scripted(failure, failure, ok);
    expect(await http.request(get)).toEqual({ fine: true });
    expect(calls).toHaveLength(3);
  });

  it('that changes something carries one Idempotency-Key over all its tries, and the next one another', async () => {
    const { http, calls } = scripted(new TypeError('fetch failed'), problem(503, 'auth.busy'), ok);
    await http.request(post);
    await http.request(post);
    const keys = calls.map(({ init }) => new Headers(init.headers).get('Idempotency-Key'));
    expect(keys).toHaveLength(4);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys.slice(1, 3)).toEqual([keys[0], keys[0]]);
    expect(keys[3]).not.toBe(keys[0]);
  });

  it.each([
    ['one that only reads', get],
    ['one that is harmless to repeat', { ...post, isRepeatable: true }],
  ] as const)('carries none when it is %s', async (_what, request) => {
    const { http, calls } = scripted(ok);
    await http.request(request);
    expect(new Headers(calls[0]?.init.headers).has('Idempotency-Key')).toBe(false);
  });

  it('gives up after four tries, and at once when the server asks for a long pause', async () => {
    const down = scripted(new TypeError('fetch failed'));
    await expect(down.http.request(get)).rejects.toMatchObject({ code: 'network' });
    expect(down.calls).toHaveLength(4);
    const busy = scripted(problem(429, 'limit.exceeded', { 'Retry-After': '120' }));
    await expect(busy.http.request(get)).rejects.toMatchObject({ retryAfterMs: 120_000 });
    expect(busy.calls).toHaveLength(1);
  });

  it('does not wait for ever', async () => {
    const hanging: typeof fetch = (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    const http = createHttp({
      url: 'https://alcove.example',
      fetch: hanging,
      timeoutMs: 20,
      random: () => 0,
      closed: new AbortController().signal,
    });
    await expect(http.request(post)).rejects.toMatchObject({ code: 'timeout' });
    await expect(http.request({ ...post, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('Retry-After', () => {
  const nowMs = Date.parse('2026-11-20T08:00:00Z');
  it.each([
    ['3', 3000],
    ['Fri, 20 Nov 2026 08:00:10 GMT', 10_000],
    ['Fri, 20 Nov 2026 07:00:00 GMT', 0],
    ['soon', undefined],
    [null, undefined],
  ])('%j means %s ms', (text, ms) => {
    expect(parseRetryAfter(text, nowMs)).toBe(ms);
  });
});

import { describe, expect, it } from 'vitest';
import { allOf, createApi, eachOf } from './api.ts';
import type { HttpRequest } from './http.ts';

/** An API whose requests are only written down. */
function recorded() {
  const requests: HttpRequest<unknown>[] = [];
  const api = createApi({
    async request(request) {
      requests.push(request);
      const answer: unknown = undefined;
      if (!request.answer(answer)) throw new Error('refused');
      return answer;
    },
  });
  return { api, requests };
}

describe('a typed call', () => {
  it('puts parameters into the path and the query, and the rest where it belongs', async () => {
    const { api, requests } = recorded();
    const params = { workspaceId: 'a/b', accountId: 'ü' };
    const path = '/api/v1/workspaces/{workspaceId}/members/{accountId}';
    await api('PATCH', path, { params, body: { role: 'admin' }, workspaceId: 'w', idempotencyKey: 'k' });
    await api('GET', '/api/v1/audit/logs', { query: { from: '2026-11-20T08:00:00+01:00', limit: 5 } });
    expect(requests).toMatchObject([
      {
        method: 'PATCH',
        path: '/api/v1/workspaces/a%2Fb/members/%C3%BC',
        body: { role: 'admin' },
        workspaceId: 'w',
        idempotencyKey: 'k',
      },
      { method: 'GET', path: '/api/v1/audit/logs?from=2026-11-20T08%3A00%3A00%2B01%3A00&limit=5' },
    ]);
  });

  it('leaves out what was left open', async () => {
    const { api, requests } = recorded();
    await api('GET', '/api/v1/workspaces', { query: { limit: 10 } });
    await api('GET', '/api/v1/workspaces');
    expect(requests.map(({ path }) => path)).toEqual(['/api/v1/workspaces?limit=10', '/api/v1/workspaces']);
    expect(requests.some((request) => 'body' in request)).toBe(false);
  });

  it('does not compile with another path, method, body or parameter than the server describes', () => {
    const { api } = recorded();
    const wrong = () => [
      // @ts-expect-error no such path
      api('GET', '/api/v1/nothing'),
      // @ts-expect-error another method
      api('DELETE', '/api/v1/workspaces'),
      // @ts-expect-error the body is missing
      api('POST', '/api/v1/workspaces'),
      // @ts-expect-error a member of the wrong type
      api('POST', '/api/v1/workspaces', { body: { name: 1 } }),
      // @ts-expect-error the parameter is missing
      api('GET', '/api/v1/workspaces/{workspaceId}', {}),
    ];
    expect(wrong).toBeTypeOf('function');
  });
});

describe('a list', () => {
  const pages = [
    { data: [1, 2], nextCursor: 'second' },
    { data: [], nextCursor: 'third' },
    { data: [3], nextCursor: null },
  ];
  const fetcher = () => {
    const asked: (string | undefined)[] = [];
    const fetchPage = async ({ cursor }: { cursor?: string }) => {
      asked.push(cursor);
      return pages[asked.length - 1] ?? { data: [], nextCursor: null };
    };
    return { asked, fetchPage };
  };

  it('is whole over all pages, also over an empty one', async () => {
    const { asked, fetchPage } = fetcher();
    expect(await allOf(fetchPage)).toEqual([1, 2, 3]);
    expect(asked).toEqual([undefined, 'second', 'third']);
  });

  it('fetches a page only when the loop has come to it', async () => {
    const { asked, fetchPage } = fetcher();
    for await (const one of eachOf(fetchPage)) if (one === 2) break;
    expect(asked).toEqual([undefined]);
  });
});

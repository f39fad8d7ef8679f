/** A libSQL server with namespaces. A namespace is made through the admin API and chosen by the first label of the Host. */
import type { DatabaseHost } from './hosts.ts';
import { type HttpConnections, textOf } from './http.ts';
import { refusedByHost } from './remote-errors.ts';

export interface LibsqlServerOptions {
  readonly url: string;
  /** A token that is good for every namespace. */
  readonly authToken: string | undefined;
  readonly adminUrl: string;
  readonly adminKey: string | undefined;
}

const answerBytesMax = 64 * 1024;

export function createLibsqlServer(options: LibsqlServerOptions, connections: HttpConnections): DatabaseHost {
  const url = new URL(options.url);
  const authorization = options.authToken === undefined ? undefined : `Bearer ${options.authToken}`;

  function administer(method: 'POST' | 'DELETE', path: string, deadlineMs: number) {
    return connections.ask({
      method,
      url: new URL(`/v1/namespaces/${path}`, options.adminUrl),
      authorization: options.adminKey === undefined ? undefined : `basic ${options.adminKey}`,
      ...(method === 'POST' ? { body: '{}' } : {}),
      deadlineMs,
      responseBytesMax: answerBytesMax,
    });
  }

  return {
    async create(name, deadlineMs) {
      const answer = await administer('POST', `${name}/create`, deadlineMs);
      if (answer.status !== 200 && !textOf(answer).includes('already exists'))
        throw refusedByHost('create', answer.status);
    },
    // One address for all: neither the names nor the certificates of a server need a wildcard.
    locate: async (name) => ({ url, host: `${name}.${url.host}`, authorization }),
    async remove(name, deadlineMs) {
      const { status } = await administer('DELETE', name, deadlineMs);
      if (status !== 200 && status !== 404) throw refusedByHost('remove', status);
    },
  };
}

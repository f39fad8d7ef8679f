/**
 * Turso: a database for each vault, made through the platform API, with a token that opens this one and soon expires.
 * https://docs.turso.tech/api-reference/introduction
 */
import { BoundedMap } from '../../cache/index.ts';
import type { DatabaseAddress, DatabaseHost } from './hosts.ts';
import { type HttpAnswer, type HttpConnections, textOf } from './http.ts';
import { DatabaseAbsent, refusedByHost } from './remote-errors.ts';

export interface TursoOptions {
  readonly apiUrl: string;
  readonly organization: string;
  readonly group: string;
  /** Needs the rights to create, delete, and mint tokens for databases of the group; no others. */
  readonly apiToken: string;
}

/** Kept in memory alone. A new one is minted when half of the time is over. */
const tokenHours = 2;
const tokenRenewMs = (tokenHours * 3_600_000) / 2;
const locatedMax = 20_000;
const answerBytesMax = 256 * 1024;

interface Located {
  readonly address: DatabaseAddress;
  readonly renewAtMs: number;
}

export function createTurso(options: TursoOptions, connections: HttpConnections): DatabaseHost {
  const databases = `/v1/organizations/${options.organization}/databases`;
  const known = new BoundedMap<string, Located>(locatedMax);

  function askApi(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { body, deadlineMs }: { body?: object; deadlineMs: number },
  ): Promise<HttpAnswer> {
    return connections.ask({
      method,
      url: new URL(`${databases}${path}`, options.apiUrl),
      authorization: `Bearer ${options.apiToken}`,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      deadlineMs,
      responseBytesMax: answerBytesMax,
    });
  }

  async function findAddress(name: string, deadlineMs: number): Promise<DatabaseAddress> {
    const [described, minted] = await Promise.all([
      askApi('GET', `/${name}`, { deadlineMs }),
      askApi('POST', `/${name}/auth/tokens?expiration=${tokenHours}h&authorization=full-access`, {
        deadlineMs,
      }),
    ]);
    const host = readMember(described, 'find', ({ database }) => database?.Hostname);
    const token = readMember(minted, 'mint a token for', ({ jwt }) => jwt);
    // Encrypted like the API itself: https, unless somebody's own platform speaks http.
    return { url: new URL(`${new URL(options.apiUrl).protocol}//${host}`), authorization: `Bearer ${token}` };
  }

  return {
    async create(name, deadlineMs) {
      const answer = await askApi('POST', '', { body: { name, group: options.group }, deadlineMs });
      if (answer.status !== 200 && !isThereAlready(answer)) throw refusedByHost('create', answer.status);
    },
    async locate(name, { deadlineMs, refresh }) {
      const located = known.get(name);
      if (located !== undefined && !refresh && performance.now() < located.renewAtMs) return located.address;
      const address = await findAddress(name, deadlineMs);
      known.set(name, { address, renewAtMs: performance.now() + tokenRenewMs });
      return address;
    },
    async remove(name, deadlineMs) {
      known.delete(name);
      const { status } = await askApi('DELETE', `/${name}`, { deadlineMs });
      if (status !== 200 && status !== 404) throw refusedByHost('remove', status);
    },
  };
}

/** Documented as 409, seen as 400. */
const isThereAlready = (answer: HttpAnswer): boolean =>
  answer.status === 409 || (answer.status === 400 && textOf(answer).includes('already exists'));

interface TursoAnswer {
  readonly database?: { readonly Hostname?: unknown };
  readonly jwt?: unknown;
}

function readMember(answer: HttpAnswer, what: string, member: (body: TursoAnswer) => unknown): string {
  if (answer.status === 404) throw new DatabaseAbsent('the platform knows no such database');
  if (answer.status !== 200) throw refusedByHost(what, answer.status);
  const value = member(parse(textOf(answer)));
  if (typeof value !== 'string' || value === '') throw refusedByHost(what, answer.status);
  return value;
}

function parse(text: string): TursoAnswer {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Turso as its platform API shows it, with databases that a real libSQL server holds; it can be told to misbehave. */
import { randomUUID } from 'node:crypto';
import { type FlakyProxy, startFlakyProxy } from './flaky-proxy.ts';
import { type DoubleAnswer, type HttpDouble, json, startHttpDouble } from './http.ts';

export interface TursoDouble extends HttpDouble {
  /** Names of the databases that are there. */
  readonly databases: readonly string[];
  readonly tokensMinted: number;
  /** Every token that was minted so far is refused from now on, as if it had expired. */
  expireTokens(): void;
  misbehave(fault: TursoFault | undefined): void;
}

/** `exists-as-400`: as the platform really answers a name that is taken. `slow-birth`: what is made answers 404 for a while. */
export type TursoFault = 'hang' | 'unpaid' | 'exists-as-400' | 'slow-birth' | 'lose-create';

interface Database {
  readonly line: FlakyProxy;
  answersAfterMs: number;
}

const birthMs = 1500;
const apiToken = 'a-platform-token';

export async function startTursoDouble(sqld: { url: string; adminUrl: string }): Promise<TursoDouble> {
  const databases = new Map<string, Database>();
  let good = new Set<string>();
  let minted = 0;
  let fault: TursoFault | undefined;

  async function create(name: string): Promise<DoubleAnswer | undefined> {
    if (databases.has(name))
      return json(fault === 'exists-as-400' ? 400 : 409, { error: `database ${name} already exists` });
    await administer(sqld.adminUrl, 'POST', `${name}/create`);
    const line = await startFlakyProxy(sqld.url, {
      host: `${name}.turso`,
      admits: ({ authorization }) => good.has(String(authorization).replace('Bearer ', '')),
      isBorn: () => performance.now() >= (databases.get(name)?.answersAfterMs ?? 0),
    });
    databases.set(name, { line, answersAfterMs: performance.now() + (fault === 'slow-birth' ? birthMs : 0) });
    return fault === 'lose-create' ? json(500, { error: 'internal error' }) : describe(name, line);
  }

  async function remove(name: string): Promise<DoubleAnswer> {
    const database = databases.get(name);
    if (database === undefined) return json(404, { error: 'database not found' });
    databases.delete(name);
    await database.line[Symbol.asyncDispose]();
    await administer(sqld.adminUrl, 'DELETE', name);
    return json(200, { database: name });
  }

  const double = await startHttpDouble(async (request, url) => {
    if (fault === 'hang') return undefined;
    if (request.headers.authorization !== `Bearer ${apiToken}`) return json(401, { error: 'unauthorized' });
    if (fault === 'unpaid') return json(402, { error: 'no subscription' });
    const [, name, what] =
      /^\/v1\/organizations\/acme\/databases(?:\/([0-9a-z-]+))?(\/.*)?$/.exec(url.pathname) ?? [];
    if (request.method === 'POST' && name === undefined) return create(await readName(request));
    if (name === undefined) return json(404, { error: 'not found' });
    if (request.method === 'DELETE') return remove(name);
    const database = databases.get(name);
    if (database === undefined) return json(404, { error: 'database not found' });
    if (what !== '/auth/tokens') return describe(name, database.line);
    const token = randomUUID();
    good.add(token);
    minted += 1;
    return json(200, { jwt: token });
  });

  return {
    url: double.url,
    get databases() {
      return [...databases.keys()];
    },
    get tokensMinted() {
      return minted;
    },
    expireTokens() {
      good = new Set();
    },
    misbehave(next) {
      fault = next;
    },
    async [Symbol.asyncDispose]() {
      for (const { line } of databases.values()) await line[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

const describe = (name: string, line: FlakyProxy): DoubleAnswer =>
  json(200, { database: { Name: name, DbId: name, Hostname: new URL(line.url).host } });

async function administer(adminUrl: string, method: string, path: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  await fetch(`${adminUrl}/v1/namespaces/${path}`, {
    method,
    headers,
    ...(method === 'POST' ? { body: '{}' } : {}),
  });
}

async function readName(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')).name;
}

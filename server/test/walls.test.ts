/**
 * The walls between tenants, tried on every route that the service says it has. A new route with an id in its path is
 * tried as well: `walls/tenant.ts` has to make one of what it is about, or the tests here fail.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, callApi, type Person, startTestServer, type TestServer } from '../src/testing/index.ts';
import { type Operation, readOperations } from './walls/operations.ts';
import { sampleOf } from './walls/sample.ts';
import { createTenant, type Tenant } from './walls/tenant.ts';

/** Parameters that are words of the contract and name nothing of anybody's. */
const words: readonly string[] = ['kind', 'provider'];

let server: TestServer;
let ada: Tenant;
let bob: Tenant;
let operations: readonly Operation[];
beforeAll(async () => {
  server = await startTestServer();
  [ada, bob] = [await createTenant(server.url), await createTenant(server.url)];
  operations = (await readOperations(server.url)).filter(({ callers }) => isForTenants(callers));
});
afterAll(() => server.close());

const isForTenants = (callers: readonly string[]) => callers.includes('account') || callers.includes('key');
const nameOf = ({ method, path }: Operation) => `${method} ${path}`;
const parametersOf = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
const hasIds = ({ path }: Operation) => parametersOf(path).some((name) => !words.includes(name));

/** Puts an id for each parameter, which is told the path up to it. */
const fill = (path: string, idOf: (pathToId: string) => string) =>
  path.replace(/\{(\w+)\}/g, (parameter, name, at) =>
    words.includes(name) ? name : idOf(path.slice(0, at) + parameter),
  );

function idOf({ ids }: Tenant, pathToId: string): string {
  const id = ids[pathToId];
  if (id === undefined) throw new Error(`walls/tenant.ts makes nothing for ${pathToId}: add it to its ids.`);
  return id;
}

const bodyOf = ({ bodySchema }: Operation) => (bodySchema === undefined ? undefined : sampleOf(bodySchema));
const asKey = ({ apiKey }: Tenant) => ({ authorization: `Bearer ${apiKey.secret}` });

function call(operation: Operation, path: string, headers: Readonly<Record<string, string>>) {
  return callApi(server.url, operation.method, path, bodyOf(operation), headers);
}

/** What a stranger sees of an answer: everything but the id of the very request. */
function faceOf({ status, headers, body }: Answer) {
  const told = Object.fromEntries(
    [...headers].filter(([name]) => !['x-request-id', 'date', 'content-length'].includes(name)),
  );
  return { status, headers: told, body: { ...body, requestId: '' } };
}

async function expectLikeAbsent(label: string, foreign: Promise<Answer>, absent: Promise<Answer>) {
  const answer = await foreign;
  expect(answer.status, `${label} with another tenant's ids: ${JSON.stringify(answer.body)}`).toBe(404);
  expect(faceOf(answer), `${label} tells another tenant's ids from ids that never were`).toEqual(
    faceOf(await absent),
  );
}

const bearer = ({ tokens }: Person) => ({ authorization: `Bearer ${tokens.accessToken}` });

test('there is something to try for every id in every path', () => {
  expect(operations.filter(hasIds).length).toBeGreaterThan(10);
  for (const { path } of operations) fill(path, (pathToId) => idOf(ada, pathToId));
});

test("another tenant's ids answer like ids that never were, to an account", async () => {
  for (const operation of operations.filter(hasIds)) {
    if (!operation.callers.includes('account')) continue;
    const foreign = fill(operation.path, (pathToId) => idOf(ada, pathToId));
    const absent = fill(operation.path, () => randomUUID());
    const headers = bearer(bob.person);
    await expectLikeAbsent(
      nameOf(operation),
      call(operation, foreign, headers),
      call(operation, absent, headers),
    );
  }
});

test("another tenant's ids answer like ids that never were, to a key with every scope", async () => {
  for (const operation of operations.filter(hasIds)) {
    if (!operation.callers.includes('key')) continue;
    const foreign = fill(operation.path, (pathToId) => idOf(ada, pathToId));
    const absent = fill(operation.path, () => randomUUID());
    const headers = asKey(bob);
    await expectLikeAbsent(
      nameOf(operation),
      call(operation, foreign, headers),
      call(operation, absent, headers),
    );
  }
});

test("another tenant's things are not found in one's own workspace either", async () => {
  const inWorkspace = '/workspaces/{workspaceId}';
  for (const operation of operations) {
    if (!operation.path.startsWith(inWorkspace) || parametersOf(operation.path).length < 2) continue;
    const within = (inner: (pathToId: string) => string) =>
      fill(operation.path, (pathToId) => (pathToId === inWorkspace ? idOf(bob, pathToId) : inner(pathToId)));
    const headers = bearer(bob.person);
    await expectLikeAbsent(
      nameOf(operation),
      call(
        operation,
        within((pathToId) => idOf(ada, pathToId)),
        headers,
      ),
      call(
        operation,
        within(() => randomUUID()),
        headers,
      ),
    );
  }
});

test("naming another tenant's workspace answers like one that never was, on every route", async () => {
  for (const operation of operations) {
    const path = fill(operation.path, (pathToId) => idOf(bob, pathToId));
    const naming = (workspaceId: string) => ({ ...bearer(bob.person), 'alcove-workspace': workspaceId });
    if (!operation.callers.includes('account')) continue;
    for (const foreign of [ada.person.workspace.id, idOf(ada, '/workspaces/{workspaceId}')]) {
      await expectLikeAbsent(
        nameOf(operation),
        call(operation, path, naming(foreign)),
        call(operation, path, naming(randomUUID())),
      );
    }
  }
});

test('nobody gets in without a token', async () => {
  for (const operation of operations) {
    const { status } = await call(
      operation,
      fill(operation.path, (pathToId) => idOf(ada, pathToId)),
      {},
    );
    expect(status, nameOf(operation)).toBe(401);
  }
});

test('after all that, everything still stands', async () => {
  const workspace = idOf(ada, '/workspaces/{workspaceId}');
  const count = async (path: string) => (await ada.person.call('GET', path)).body.data.length;
  expect(await count('/auth/devices')).toBe(2);
  expect(await count('/auth/sessions')).toBe(2);
  expect(await count('/auth/api-keys')).toBe(1);
  expect(await count(`/workspaces/${workspace}/members`)).toBe(2);
  expect(await count(`/workspaces/${workspace}/invitations`)).toBe(1);
  expect((await ada.person.call('GET', `/workspaces/${workspace}`)).body.name).toBe('Garden');
});

/** The live channel through real sockets: who may listen, what is told, and what ends it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../platform/telemetry/index.ts';
import {
  asPerson,
  callApi,
  createTestClock,
  createTestDevice,
  type HeardOnSocket,
  listenOnSocket as listenAt,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';

const path = '/api/v1/sync/live';
const heartbeatMs = 200;
const operatorToken = 'an-operator-token-for-tests-only';
const clock = createTestClock();
const logLines: string[] = [];
let server: TestServer;
let ada: Person;

beforeAll(async () => {
  server = await startTestServer({
    clock,
    log: createLogger({ level: 'trace', human: false, write: (line) => logLines.push(line) }),
    env: {
      ALCOVE_LIMIT_LIVE_SILENCE_MS: String(heartbeatMs),
      ALCOVE_LIMIT_LIVE_STREAMS_PER_ACCOUNT: '3',
      ALCOVE_LIMIT_VAULT_CALLS: '100',
      ALCOVE_CORS_ORIGINS: 'https://journal.example',
      ALCOVE_OPERATOR_TOKEN: operatorToken,
    },
  });
});
afterAll(() => server.close());
beforeEach(async () => {
  ada = await registerPerson(server.url);
});

type Message = { readonly type: string; readonly cursor?: string };

/** What arrived over one stream, and how it ended. */
interface Heard {
  readonly messages: readonly Message[];
  readonly ended: Promise<number | string | undefined>;
  close(): void;
}

type Listen = (person: Person, headers?: Record<string, string>) => Promise<Heard>;

const socketUrl = (query = '') => `${server.url}${path}${query}`;
const bearer = (person: Person) => ({ authorization: `Bearer ${person.tokens.accessToken}` });
const ticketOf = async (person: Person) => (await person.call('POST', '/sync/live/ticket')).body.ticket;

async function listenOnSocket(url: string, headers?: Record<string, string>): Promise<HeardOnSocket> {
  const heard = await listenAt(url, headers);
  onTestFinished(heard.close);
  return heard;
}

async function listenToEvents(url: string, headers: Record<string, string>): Promise<Heard> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const accept = { accept: 'text/event-stream', ...headers };
  const response = await fetch(url, { headers: accept, signal: leaving.signal });
  if (!response.ok) throw new Error(`refused with ${response.status}`);
  const messages: Message[] = [];
  const ended = readEvents(response, messages).catch(() => undefined);
  return { messages, ended, close: () => leaving.abort() };
}

/** Answers the reason that the stream gave for its end. */
async function readEvents({ body }: Response, messages: Message[]): Promise<string | undefined> {
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event?.name === 'end') return event.data.reason;
      if (event === undefined) continue;
      expect(event.id).toBe(event.data.cursor);
      expect(event.name).toBe(event.data.type);
      messages.push(event.data);
    }
  }
  return undefined;
}

function parseEvent(text: string) {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1];
  const data = field('data');
  return data === undefined ? undefined : { name: field('event'), id: field('id'), data: JSON.parse(data) };
}

const ways: [string, Listen][] = [
  [
    'a WebSocket with a token',
    (person, headers) => listenOnSocket(socketUrl(), { ...bearer(person), ...headers }),
  ],
  [
    'a WebSocket with a ticket',
    async (person, headers) => listenOnSocket(socketUrl(`?ticket=${await ticketOf(person)}`), headers),
  ],
  [
    'server-sent events',
    (person, headers) => listenToEvents(`${server.url}${path}`, { ...bearer(person), ...headers }),
  ],
  [
    'server-sent events with a ticket',
    async (person, headers) =>
      listenToEvents(`${server.url}${path}?ticket=${await ticketOf(person)}`, headers ?? {}),
  ],
];

let counter = 0;
const entry = (person: Person, members: Record<string, unknown> = {}) => {
  counter += 1;
  return {
    id: randomUUID(),
    kind: 'entry',
    op: 'put',
    clock: { [person.device.id]: counter },
    time: '2026-11-20T07:00:00.000Z-0000',
    epoch: 1,
    payload: randomBytes(6).toString('base64url'),
    ...members,
  };
};

/** Answers the head's cursor. */
async function push(person: Person, ...changes: unknown[]): Promise<string> {
  const { status, body } = await person.call('POST', '/sync/push', { changes });
  expect(status).toBe(200);
  return body.cursor;
}

/** A second device of the same account, as one gets it by pairing. */
async function pairPhone(person: Person): Promise<Person> {
  await person.mintFirstEpoch();
  const keys = createTestDevice('Phone');
  const pairing = (await callApi(server.url, 'POST', '/auth/pairings', { device: keys.input })).body;
  const { logEntryHash, pairingClaimText } = await import('@alcove/contract/keys');
  const { device } = (await person.call('GET', `/auth/pairings/${pairing.id}`)).body;
  const previousHash = await logEntryHash((await person.call('GET', '/sync/keys')).body.log.at(-1));
  const endorsement = await person.signEntry({ action: 'add', deviceId: device.id, previousHash }, keys);
  const keyShares = [{ epoch: 1, wrapped: 'A'.repeat(80) }];
  await person.call('POST', '/auth/pair-device', { pairingId: pairing.id, keyShares, endorsement });
  const signature = keys.sign(pairingClaimText(pairing.id, pairing.challenge));
  const claimed = await callApi(server.url, 'POST', `/auth/pairings/${pairing.id}/claim`, { signature });
  return asPerson(server.url, keys, claimed.body);
}

const until = (heard: Heard, type: string, cursor?: string) =>
  expect
    .poll(() =>
      heard.messages.some(
        (message) => message.type === type && (cursor ?? message.cursor) === message.cursor,
      ),
    )
    .toBe(true);

describe.each(ways)('%s', (_name, listen) => {
  test('tells the present cursor first, then each further one', async () => {
    const present = await push(ada, entry(ada));
    const heard = await listen(ada);
    await expect.poll(() => heard.messages).toEqual([{ type: 'changed', cursor: present }]);
    const next = await push(ada, entry(ada));
    await expect.poll(() => heard.messages.slice(1)).toEqual([{ type: 'changed', cursor: next }]);
  });

  test('tells nothing of what another account does, and nothing of a push that changed nothing', async () => {
    const heard = await listen(ada);
    await until(heard, 'changed');
    const bob = await registerPerson(server.url);
    await push(bob, entry(bob));
    const change = entry(ada);
    const cursor = await push(ada, change);
    await push(ada, change);
    const next = await push(ada, entry(ada));
    await until(heard, 'changed', next);
    expect(heard.messages.slice(1).map((message) => message.cursor)).toEqual([cursor, next]);
  });

  test('ends with the session, whoever ends it', async () => {
    const heard = await listen(ada);
    await until(heard, 'changed');
    expect((await ada.call('POST', '/auth/logout', {})).status).toBe(204);
    expect(['ended', 4403]).toContain(await heard.ended);
  });

  test('ends when the access token does', async () => {
    clock.forward(3_600_000 - 1000 - 300);
    const heard = await listen(ada);
    expect(['expired', 4401]).toContain(await heard.ended);
  });

  test('is refused to the fourth of an account, and open again when one has left', async () => {
    const [first] = await Promise.all([listen(ada), listen(ada), listen(ada)]);
    const refused = await callApi(server.url, 'GET', '/sync/live', undefined, {
      ...bearer(ada),
      accept: 'text/event-stream',
    });
    expect(refused).toMatchObject({ status: 429, body: { code: 'live.too_many' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    first?.close();
    await expect
      .poll(() =>
        listen(ada).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });
});

describe('what is told', () => {
  test('a conflict, and that devices came and went, to every device', async () => {
    const phone = await pairPhone(ada);
    const [one, other] = [
      await listenOnSocket(socketUrl(), bearer(ada)),
      await listenOnSocket(socketUrl(), bearer(phone)),
    ];
    const id = randomUUID();
    await push(ada, entry(ada, { id }));
    await push(phone, entry(phone, { id }));
    for (const heard of [one, other]) await until(heard, 'conflict');
    expect((await ada.call('DELETE', `/auth/devices/${phone.device.id}`)).status).toBe(204);
    await until(one, 'device');
    expect(await other.ended).toBe(4403);
  });

  test('another history, to a reader who comes back with a cursor of one that is gone', async () => {
    const bob = await registerPerson(server.url);
    const foreign = await push(bob, entry(bob));
    const known = await push(ada, entry(ada));
    const headers = (id: string) => ({ ...bearer(ada), 'last-event-id': id });
    const lost = await listenToEvents(`${server.url}${path}`, headers(foreign));
    await expect.poll(() => lost.messages).toEqual([{ type: 'resync', cursor: known }]);
    const back = await listenToEvents(`${server.url}${path}`, headers(known));
    await expect.poll(() => back.messages).toEqual([{ type: 'changed', cursor: known }]);
  });

  test('another history, while it listens, when the vault is restored from a copy', async () => {
    await push(ada, entry(ada));
    const heard = await listenOnSocket(socketUrl(), bearer(ada));
    await until(heard, 'changed');
    const operator = { authorization: `Bearer ${operatorToken}` };
    const vaults = (method: string, rest: string, body?: unknown) =>
      callApi(server.url, method, `/admin/vaults${rest}`, body, operator);
    const vault = (await vaults('GET', `?account=${ada.account.id}`)).body.data[0].name;
    const { file } = (await vaults('POST', '/backup', { vault, directory: server.dataDir })).body;
    await push(ada, entry(ada));
    expect((await vaults('POST', '/restore', { vault, file })).status).toBe(200);
    await until(heard, 'resync');
  });

  test('of a storm of pushes the newest state, and not each of them', async () => {
    const heard = await listenOnSocket(socketUrl(), bearer(ada));
    for (let burst = 0; burst < 10; burst += 1)
      await Promise.all(Array.from({ length: 10 }, () => push(ada, entry(ada))));
    const { body } = await ada.call('GET', '/sync/pull?limit=500');
    await until(heard, 'changed', body.cursor);
    expect(heard.messages.length).toBeLessThanOrEqual(102);
  });
});

describe('who may listen', () => {
  const refusal = (headers: Record<string, string>, query = '') =>
    callApi(server.url, 'GET', `/sync/live${query}`, undefined, { accept: 'text/event-stream', ...headers });

  test.each<[string, () => Promise<Record<string, string>>, number, string]>([
    ['nobody without a token', async () => ({}), 401, 'auth.unauthenticated'],
    ['no forged token', async () => ({ authorization: 'Bearer x.y.z' }), 401, 'auth.invalid_token'],
    [
      'no account without a device',
      async () => {
        const { body } = await callApi(server.url, 'POST', '/auth/guest', {});
        return { authorization: `Bearer ${body.tokens.accessToken}` };
      },
      403,
      'auth.device_required',
    ],
    [
      'nobody who does not accept a stream',
      async () => ({ ...bearer(ada), accept: '*/*' }),
      406,
      'live.not_acceptable',
    ],
  ])('%s', async (_name, headers, status, code) => {
    expect(await refusal(await headers())).toMatchObject({ status, body: { code } });
  });

  test.each(['none', 'A'.repeat(43), '%00', 'x'.repeat(201)])('nobody with the ticket %j', async (ticket) => {
    expect((await refusal({}, `?ticket=${ticket}`)).status).toBe(401);
  });

  test('a ticket opens one stream, within a minute, and none once its session has ended', async () => {
    const used = await ticketOf(ada);
    await listenOnSocket(socketUrl(`?ticket=${used}`));
    await expect(listenOnSocket(socketUrl(`?ticket=${used}`))).rejects.toThrow('refused');

    const old = await ticketOf(ada);
    clock.forward(61_000);
    expect(await refusal({}, `?ticket=${old}`)).toMatchObject({
      status: 401,
      body: { code: 'live.invalid_ticket' },
    });

    const left = await ticketOf(ada);
    await ada.call('POST', '/auth/logout', {});
    expect((await refusal({}, `?ticket=${left}`)).status).toBe(401);
  });

  test('of fifty who show one ticket at once, one', async () => {
    const ticket = await ticketOf(ada);
    const tries = Array.from({ length: 50 }, () =>
      listenOnSocket(socketUrl(`?ticket=${ticket}`)).then(
        () => 1,
        () => 0,
      ),
    );
    expect((await Promise.all(tries)).reduce((sum: number, one) => sum + one, 0)).toBe(1);
  });

  test.each([
    ['https://evil.example', false],
    ['null', false],
    ['https://journal.example', true],
    ['http://alcove.test', true],
  ])('of pages only those of known origins: %s', async (origin, isAllowed) => {
    const opening = listenOnSocket(socketUrl(), { ...bearer(ada), origin });
    const isOpen = await opening.then(
      () => true,
      () => false,
    );
    expect(isOpen).toBe(isAllowed);
  });

  test('tickets that were not used are swept away', async () => {
    const ticket = await ticketOf(ada);
    clock.forward(3_600_000);
    await server.runJob('sync.sweep-live-tickets');
    expect((await refusal({}, `?ticket=${ticket}`)).status).toBe(401);
  });

  test('no line of the log holds a ticket', async () => {
    const ticket = await ticketOf(ada);
    await listenOnSocket(socketUrl(`?ticket=${ticket}`));
    await refusal({}, `?ticket=${ticket}`);
    await ada.call('GET', `/sync/pull?ticket=${ticket}`);
    expect(logLines.length).toBeGreaterThan(3);
    expect(logLines.filter((line) => line.includes(ticket))).toEqual([]);
  });
});

describe('peers that do not behave', () => {
  /** A WebSocket of which the test writes every byte. */
  async function openRaw(): Promise<Socket> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
        `Authorization: ${bearer(ada).authorization}\r\n\r\n`,
    );
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('101 Switching Protocols');
    return socket;
  }

  const isOver = (socket: Socket) => once(socket, 'close').then(() => true);
  const isWell = async () => expect((await fetch(`${server.url}/healthz`)).status).toBe(200);

  test('one that answers no ping is cut', async () => {
    const socket = await openRaw();
    socket.resume();
    expect(await isOver(socket)).toBe(true);
    await isWell();
  });

  test.each<[string, Buffer]>([
    ['bytes that are no frame', Buffer.alloc(300, 0xff)],
    ['a frame without a mask', Buffer.from([0x81, 1, 65])],
    ['a frame that says it is enormous', Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
    ['a message, though there is nothing to say', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65])],
    ['a part of a frame and nothing more', Buffer.from([0x81])],
  ])('one that sends %s is cut, and the others go on', async (_name, bytes) => {
    const heard = await listenOnSocket(socketUrl(), bearer(ada));
    const socket = await openRaw();
    socket.resume();
    socket.write(bytes);
    expect(await isOver(socket)).toBe(true);
    await until(heard, 'changed', await push(ada, entry(ada)));
    await isWell();
  });

  test('those that break off in the middle of opening leave nothing behind', async () => {
    const { hostname, port } = new URL(server.url);
    for (let round = 0; round < 10; round += 1) {
      const socket = connect(Number(port), hostname);
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\nAuthorization: ${bearer(ada).authorization}\r\n\r\n`,
      );
      if (round % 2 === 0) await once(socket, 'data');
      socket.destroy();
    }
    await expect
      .poll(() =>
        listenOnSocket(socketUrl(), bearer(ada)).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await isWell();
  });

  test.each(['/healthz', '/api/v1/sync/pull', '/nothing', '/metrics'])(
    'a WebSocket at %s is none',
    async (other) => {
      await expect(listenOnSocket(`${server.url}${other}`, bearer(ada))).rejects.toThrow();
      await isWell();
    },
  );

  test('an offer of another protocol is declined by an ordinary answer', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
    expect(String((await once(socket, 'data'))[0])).toContain('HTTP/1.1 200 OK');
  });
});

test('the open streams are counted, and streams are told when the service stops', async () => {
  const socket = await listenOnSocket(socketUrl(), bearer(ada));
  const events = await listenToEvents(`${server.url}${path}`, bearer(ada));
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(Number(/^alcove_live_streams (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(2);
  await server.restart();
  expect(await socket.ended).toBe(1001);
  expect(await events.ended).toBe('draining');
});

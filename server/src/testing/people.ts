/** People and their devices at the level of the wire, for tests that check single calls. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { DeviceInput, KeyShare, LogEntry, SignedIn } from '@alcove/contract/identity';
import { jwkThumbprint, logEntryText } from '@alcove/contract/keys';

/** A device's own half: what it would keep to itself. */
export interface TestDevice {
  readonly input: DeviceInput;
  sign(text: string): string;
}

export interface Person extends SignedIn {
  readonly keys: TestDevice;
  /** Calls the API as this person; `path` begins after `/api/v1`. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** A log entry that this person's device signs. */
  signEntry(
    entry: Pick<LogEntry, 'action' | 'deviceId' | 'previousHash'>,
    about: TestDevice,
  ): Promise<LogEntry>;
  /** Uploads the genesis entry together with epoch 1, as every first device does. */
  mintFirstEpoch(): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at answers of every shape, wrong ones too
  readonly body: any;
}

export function createTestDevice(name = 'Laptop'): TestDevice {
  const encryption = generateKeyPairSync('x25519');
  const signing = generateKeyPairSync('ed25519');
  return {
    input: {
      name,
      platform: 'cli',
      encryptionKey: jwkOf(encryption.publicKey),
      signingKey: jwkOf(signing.publicKey),
    },
    sign: (text) => sign(null, Buffer.from(text), signing.privateKey).toString('base64url'),
  };
}

export async function registerPerson(url: string, keys = createTestDevice()): Promise<Person> {
  const answer = await callApi(url, 'POST', '/auth/register', { device: keys.input });
  if (answer.status !== 201) throw new Error(`registering failed: ${JSON.stringify(answer.body)}`);
  return asPerson(url, keys, answer.body);
}

/** A person at a device that has just signed in. */
export function asPerson(url: string, keys: TestDevice, signedIn: SignedIn): Person {
  const authorization = `Bearer ${signedIn.tokens.accessToken}`;
  const person: Person = {
    ...signedIn,
    keys,
    call: (method, path, body, headers) => callApi(url, method, path, body, { authorization, ...headers }),
    signEntry: async (entry, about) => {
      const unsigned = {
        ...entry,
        accountId: signedIn.account.id,
        encryptionKeyThumbprint: await jwkThumbprint(about.input.encryptionKey),
        signingKeyThumbprint: await jwkThumbprint(about.input.signingKey),
        by: signedIn.device.id,
      };
      return { ...unsigned, signature: keys.sign(logEntryText(unsigned)) };
    },
    mintFirstEpoch: async () => {
      const genesis = { action: 'genesis', deviceId: signedIn.device.id, previousHash: '' } as const;
      const shares = [{ deviceId: signedIn.device.id, wrapped: wrappedKey() }];
      return person.call('PUT', '/sync/keys', {
        epoch: 1,
        shares,
        log: [await person.signEntry(genesis, keys)],
      });
    },
  };
  return person;
}

export async function callApi(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** What a wrapped key looks like to the server: bytes that mean nothing to it. */
export function wrappedKey(): KeyShare['wrapped'] {
  return randomBytes(80).toString('base64url');
}

function jwkOf(key: KeyObject): DeviceInput['encryptionKey'] {
  const { kty, ...members } = key.export({ format: 'jwk' });
  return { kty: String(kty), ...members };
}

/** A shared memory for several nodes. Nothing lives in it alone that must not be lost. */
import { createHash } from 'node:crypto';
import { Redis as Client } from 'ioredis';
import type { Secret } from '../crypto/index.ts';

export interface Redis extends AsyncDisposable {
  /** Runs a Lua script as one step. Rejects soon when Redis is out of reach. */
  runScript(
    script: string,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<readonly unknown[]>;
  publish(channel: string, message: string): Promise<void>;
  /** A connection that does nothing but listen to one channel, for as long as this client lives. */
  listen(channel: string, listener: RedisListener): void;
  /** Rejects when Redis is out of reach. */
  probe(): Promise<void>;
}

export interface RedisListener {
  onMessage(message: string): void;
  /** The connection stands and the channel is subscribed to. */
  onUp(): void;
  onDown(): void;
}

const connectTimeoutMs = 3000;
/** A limiter that is slower than this had better not be asked. */
const commandTimeoutMs = 1000;
const reconnectAfterMs = (attempt: number) => Math.min(attempt * 50, 1000);

export function createRedis(url: Secret, onError: (error: unknown) => void): Redis {
  const common = { connectTimeout: connectTimeoutMs, retryStrategy: reconnectAfterMs, keepAlive: 5000 };
  const commands = new Client(url.reveal(), {
    ...common,
    commandTimeout: commandTimeoutMs,
    // Without a connection a command fails at once: whoever asked decides what that means.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
  });
  commands.on('error', onError);
  const listeners: Client[] = [];
  /** The first request may come before the connection stands; that is no reason to refuse it. */
  const isConnected = firstConnection(commands);

  return {
    async runScript(script, keys, values) {
      await isConnected;
      const hash = hashOf(script);
      const run = (asked: Promise<unknown>) => asked.then(requireList);
      return run(commands.evalsha(hash, keys.length, ...keys, ...values)).catch((error: unknown) => {
        if (!isUnknownScript(error)) throw error;
        return run(commands.eval(script, keys.length, ...keys, ...values));
      });
    },
    async publish(channel, message) {
      await commands.publish(channel, message);
    },
    listen(channel, listener) {
      const client = new Client(url.reveal(), { ...common, autoResubscribe: false });
      listeners.push(client);
      client.on('error', onError);
      client.on('close', listener.onDown);
      client.on('message', (_channel: string, message: string) => listener.onMessage(message));
      client.on('ready', () => {
        client.subscribe(channel).then(listener.onUp, onError);
      });
    },
    async probe() {
      await commands.ping();
    },
    async [Symbol.asyncDispose]() {
      for (const client of [commands, ...listeners]) client.disconnect();
    },
  };
}

function firstConnection(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.once('ready', resolve);
    client.once('close', resolve);
  });
}

const hashes = new Map<string, string>();

function hashOf(script: string): string {
  const known = hashes.get(script);
  if (known !== undefined) return known;
  const hash = createHash('sha1').update(script).digest('hex');
  hashes.set(script, hash);
  return hash;
}

const isUnknownScript = (error: unknown) => error instanceof Error && error.message.startsWith('NOSCRIPT');

function requireList(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw new Error('a script answered no list');
  return answer;
}

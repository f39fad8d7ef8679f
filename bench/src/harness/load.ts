/** Drives a server from several connections at once. Runs in this process, which does nothing else meanwhile. */
import { openConnection } from './connection.ts';

/** Sends one request; the answer's body is good until the next one. */
export type Send = (request: Uint8Array) => Promise<Buffer>;

export interface LoadResult {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

export const connectionCount = 8;

/** Runs `work` once on each connection, all at the same time. An answer that is no success ends the whole load. */
export async function runLoad(url: string, work: (send: Send) => Promise<void>): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: connectionCount }, () => openConnection(url)));
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  try {
    await Promise.all(
      connections.map((connection) =>
        work(async (request) => {
          const sentAt = performance.now();
          const { status, body } = await connection.send(request);
          latenciesMs.push(performance.now() - sentAt);
          if (status < 200 || status > 299)
            throw new Error(`answered ${status}: ${body.toString('utf8', 0, 500)}`);
          return body;
        }),
      ),
    );
    return { seconds: (performance.now() - startedAt) / 1000, latenciesMs };
  } finally {
    for (const connection of connections) connection.close();
  }
}

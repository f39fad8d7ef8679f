/** The way to a server that is going to be killed: a call ends with an answer, or cut off. */
import { type Answer, callApi } from '../../src/testing/index.ts';
import type { ServerProcess } from '../../src/testing/process.ts';

export interface Link {
  /** Undefined when the server died before it had answered. */
  call(method: string, path: string, body: unknown, headers?: Headers): Promise<Answer | undefined>;
  /** A call that must be answered, with this status. */
  ask(status: number, method: string, path: string, body: unknown, headers?: Headers): Promise<Answer>;
  kill(): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;

export function createLink(server: ServerProcess): Link {
  let isKilled = false;

  async function call(method: string, path: string, body: unknown, headers?: Headers) {
    try {
      return await callApi(server.url, method, path, body, headers);
    } catch (error) {
      // How fetch reports a connection that broke. Before the kill there is no reason for one.
      if (isKilled && error instanceof TypeError) return undefined;
      throw error;
    }
  }
  return {
    call,
    async ask(status, method, path, body, headers) {
      const answer = await call(method, path, body, headers);
      if (answer?.status === status) return answer;
      throw new Error(`${method} ${path}: ${status} expected, got ${answer?.status}: ${describe(answer)}`);
    },
    async kill() {
      isKilled = true;
      await server.kill();
    },
  };
}

const describe = (answer: Answer | undefined) => JSON.stringify(answer?.body).slice(0, 300);

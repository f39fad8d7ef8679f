/** The floor below HTTP: a bare fastify in a process of its own that parses the same body, or sends a page from memory. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface FastifyFloor extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

const program = fileURLToPath(new URL('./fastify-program.ts', import.meta.url));

/** `page` is what its `/pull` answers. */
export async function startFastifyFloor(page: Uint8Array): Promise<FastifyFloor> {
  const child = fork(program, { serialization: 'advanced', stdio: 'inherit' });
  child.send(page);
  const [url] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the bare fastify did not start'))),
  ]);
  return {
    url: String(url),
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

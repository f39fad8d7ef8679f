/** Serves the app's page and its service worker, bundled, under a policy as strict as an app should have. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

export interface AppServer extends AsyncDisposable {
  readonly origin: string;
}

const page = '<!doctype html><title>Journal</title><script type="module" src="/page.js"></script>';
const policy =
  "default-src 'none'; script-src 'self'; connect-src http://127.0.0.1:* ws://127.0.0.1:*; worker-src 'self'";

export async function startAppServer(): Promise<AppServer> {
  const files = new Map([
    ['/', { type: 'text/html', text: page }],
    ['/page.js', { type: 'text/javascript', text: await bundle('page') }],
    ['/service-worker.js', { type: 'text/javascript', text: await bundle('service-worker') }],
  ]);
  const server = createServer(({ url = '' }, response) => {
    const file = files.get(url);
    if (file === undefined) return response.writeHead(404).end();
    return response
      .writeHead(200, { 'Content-Type': file.type, 'Content-Security-Policy': policy })
      .end(file.text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bundle(name: string): Promise<string> {
  await using build = await rolldown({
    input: fileURLToPath(new URL(`app/${name}.ts`, import.meta.url)),
    platform: 'browser',
  });
  const { output } = await build.generate({ format: 'esm' });
  return output[0].code;
}

/** A listener at the live channel, at the level of the wire. */

export interface Heard {
  readonly messages: readonly { readonly type: string; readonly cursor?: string }[];
  /** Resolves with the code that the WebSocket closed with. */
  readonly ended: Promise<number>;
  close(): void;
}

/** Throws when the server refuses the WebSocket. */
export async function listenOnSocket(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Heard> {
  // Node's own WebSocket takes headers, of which the types of the DOM know nothing.
  const socket: WebSocket = Reflect.construct(WebSocket, [url.replace(/^http/, 'ws'), { headers }]);
  const messages: Heard['messages'][number][] = [];
  const ended = Promise.withResolvers<number>();
  socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data))));
  socket.addEventListener('close', ({ code }) => ended.resolve(code));
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('the WebSocket was refused')));
  });
  return { messages, ended: ended.promise, close: () => socket.close() };
}

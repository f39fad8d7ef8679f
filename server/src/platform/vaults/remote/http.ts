/** Requests to the machines that hold vaults. `fetch` would not do: it does not let a caller name the host it asks for. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { OutboundError } from '../../outbound/index.ts';

export interface HttpQuestion {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  /** What the Host header says, where it is not the host that is connected to. */
  readonly host?: string;
  readonly authorization: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, unless `headers` say something else. */
  readonly body?: string | Uint8Array;
  /** For everything together, from the connection to the last byte of the answer. */
  readonly deadlineMs: number;
  readonly responseBytesMax: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

export const textOf = ({ bytes }: HttpAnswer): string => bytes.toString('utf8');

export interface HttpConnections {
  ask(question: HttpQuestion): Promise<HttpAnswer>;
  close(): void;
}

export function createHttpConnections(): HttpConnections {
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };

  function send(question: HttpQuestion, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, body } = question;
    const options: RequestOptions = { method: question.method, headers: headersOf(question), signal };
    return new Promise((resolve, reject) => {
      const outgoing =
        url.protocol === 'https:'
          ? httpsRequest(url, { ...options, agent: agents.https, servername: url.hostname }, resolve)
          : httpRequest(url, { ...options, agent: agents.http }, resolve);
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  return {
    async ask(question) {
      const signal = AbortSignal.timeout(Math.max(1, question.deadlineMs));
      const { host } = question.url;
      try {
        const response = await send(question, signal);
        const bytes = await readBytes(response, host, question.responseBytesMax);
        return { status: response.statusCode ?? 0, headers: response.headers, bytes };
      } catch (error) {
        if (error instanceof OutboundError) throw error;
        if (signal.aborted) throw new OutboundError('deadline', `${host} did not answer in time`, error);
        throw new OutboundError('unreachable', `${host} could not be asked`, error);
      }
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function headersOf({ host, authorization, headers, body }: HttpQuestion): Record<string, string> {
  return {
    ...(host === undefined ? {} : { host }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` }),
    ...headers,
  };
}

async function readBytes(response: IncomingMessage, host: string, sizeBytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > sizeBytesMax)
      throw new OutboundError('too_large', `${host} sent more than ${sizeBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

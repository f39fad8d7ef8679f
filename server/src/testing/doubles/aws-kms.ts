/** AWS KMS as its HTTP API shows it: AWS JSON 1.1 with Encrypt and Decrypt, which can be told to misbehave. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KmsDouble extends AsyncDisposable {
  readonly url: string;
  /** What was asked so far, for example `Encrypt`. */
  readonly asked: readonly string[];
  /** From now on every request fails like this; undefined heals it. */
  misbehave(how: KmsFault | undefined): void;
}

export type KmsFault = 'hang' | 'throttle' | 'AccessDeniedException' | 'DisabledException';

interface KmsRequest {
  readonly KeyId: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Record<string, string>;
}

export async function startKmsDouble(keyArn: string): Promise<KmsDouble> {
  const asked: string[] = [];
  const keys = new Map([[keyArn, randomBytes(32)]]);
  let fault: KmsFault | undefined;

  const server = createServer(async (request, response) => {
    const { operation, body } = await readRequest(request);
    asked.push(operation);
    if (fault === 'hang') return;
    const answer = fault === undefined ? perform(keys, operation, body) : refusal(fault);
    response.writeHead('__type' in answer ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${addressOf(server.address()).port}`,
    asked,
    misbehave: (how) => {
      fault = how;
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function readRequest(request: IncomingMessage): Promise<{ operation: string; body: KmsRequest }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
  if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 '))
    return { operation: 'unsigned', body: { KeyId: '' } };
  return { operation, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
}

function perform(keys: ReadonlyMap<string, Buffer>, operation: string, body: KmsRequest): object {
  const key = keys.get(body.KeyId);
  if (key === undefined) return refusal('NotFoundException');
  if (operation === 'Encrypt') return encrypt(key, body);
  if (operation === 'Decrypt') return decrypt(key, body);
  return refusal('UnknownOperationException');
}

function encrypt(key: Buffer, { KeyId, Plaintext = '', EncryptionContext }: KmsRequest): object {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bindingOf(EncryptionContext));
  const body = [cipher.update(Buffer.from(Plaintext, 'base64')), cipher.final()];
  const blob = Buffer.concat([fingerprintOf(key), nonce, ...body, cipher.getAuthTag()]);
  return { KeyId, CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
}

function decrypt(key: Buffer, { KeyId, CiphertextBlob = '', EncryptionContext }: KmsRequest): object {
  const blob = Buffer.from(CiphertextBlob, 'base64');
  if (!blob.subarray(0, 16).equals(fingerprintOf(key))) return refusal('IncorrectKeyException');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(16, 28));
    decipher.setAAD(bindingOf(EncryptionContext)).setAuthTag(blob.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(blob.subarray(28, -16)), decipher.final()]);
    return { KeyId, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  } catch {
    return refusal('InvalidCiphertextException');
  }
}

const refusal = (name: string) => ({
  __type: name === 'throttle' ? 'ThrottlingException' : name,
  message: 'a double refused',
});

const fingerprintOf = (key: Buffer) => createHash('sha256').update(key).digest().subarray(0, 16);

const bindingOf = (context: Record<string, string> = {}) =>
  Buffer.from(JSON.stringify(Object.entries(context).sort()));

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('the double does not listen');
  return address;
}

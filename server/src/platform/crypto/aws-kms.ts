import type { KMSClient } from '@aws-sdk/client-kms';
import { type KeyContext, type KeyWrapper, KeyWrapperError } from './key-wrapper.ts';
import type { Secret } from './secret.ts';

export interface AwsKmsOptions {
  /** The whole ARN of a symmetric key, or of an alias: it says the region too. */
  readonly keyArn: string;
  /** Where KMS answers, when not at Amazon's own address for the region. */
  readonly baseUrl?: string | undefined;
  /** Without them, the SDK looks where it always does: its own variables, profiles, the machine's role. */
  readonly credentials?: AwsCredentials | undefined;
  readonly deadlineMs?: number;
}

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret | undefined;
}

const deadlineDefaultMs = 10_000;

/** Wraps keys by a key that never leaves AWS KMS. */
export function createAwsKms(options: AwsKmsOptions): KeyWrapper {
  const { keyArn } = options;
  return {
    scheme: 'aws-kms',
    wrap: (key, context) =>
      ask(options, async (kms, { EncryptCommand }, abortSignal) => {
        const request = { KeyId: keyArn, Plaintext: key, EncryptionContext: copyOf(context) };
        const { CiphertextBlob } = await kms.send(new EncryptCommand(request), { abortSignal });
        return CiphertextBlob;
      }),
    unwrap: (wrapped, context) =>
      ask(options, async (kms, { DecryptCommand }, abortSignal) => {
        // Naming the key makes KMS refuse a ciphertext of any other, even one that we could decrypt too.
        const request = { KeyId: keyArn, CiphertextBlob: wrapped, EncryptionContext: copyOf(context) };
        const { Plaintext } = await kms.send(new DecryptCommand(request), { abortSignal });
        return Plaintext;
      }),
  };
}

type Sdk = typeof import('@aws-sdk/client-kms');

async function ask(
  options: AwsKmsOptions,
  send: (kms: KMSClient, sdk: Sdk, signal: AbortSignal) => Promise<Uint8Array | undefined>,
): Promise<Buffer> {
  // Loaded only here: nobody without KMS should pay for it.
  const sdk = await import('@aws-sdk/client-kms');
  const kms = new sdk.KMSClient(configOf(options));
  const deadline = AbortSignal.timeout(options.deadlineMs ?? deadlineDefaultMs);
  try {
    const answer = await send(kms, sdk, deadline);
    if (answer === undefined) throw new KeyWrapperError('AWS KMS answered without a key.');
    return Buffer.from(answer);
  } catch (error) {
    throw explain(error, options, deadline);
  } finally {
    kms.destroy();
  }
}

function configOf({ keyArn, baseUrl, credentials }: AwsKmsOptions) {
  return {
    region: regionOf(keyArn),
    ...(baseUrl === undefined ? {} : { endpoint: baseUrl }),
    ...(credentials === undefined ? {} : { credentials: revealed(credentials) }),
  };
}

/** `arn:aws:kms:eu-central-1:111122223333:key/…` */
function regionOf(keyArn: string): string {
  const region = keyArn.split(':')[3];
  if (region) return region;
  throw new RangeError(`${keyArn} is not the ARN of a key of AWS KMS`);
}

function revealed({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials) {
  return {
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  };
}

const copyOf = (context: KeyContext): Record<string, string> => ({ ...context });

/** The SDK's own messages may quote what was sent, so only the kind of error is passed on. */
function explain(error: unknown, options: AwsKmsOptions, deadline: AbortSignal): KeyWrapperError {
  if (error instanceof KeyWrapperError) return error;
  const deadlineMs = options.deadlineMs ?? deadlineDefaultMs;
  const name = error instanceof Error ? error.name : 'unknown';
  const reason = deadline.aborted
    ? `did not answer within ${deadlineMs} ms`
    : (reasons[name] ?? `failed (${name})`);
  return new KeyWrapperError(`AWS KMS ${reason}; the key is ${options.keyArn}.`, { cause: error });
}

const reasons: Readonly<Record<string, string>> = {
  AccessDeniedException: 'does not allow this identity to use the key (kms:Encrypt, kms:Decrypt)',
  CredentialsProviderError: 'was not asked, because no AWS credentials were found',
  DisabledException: 'says that the key is disabled',
  IncorrectKeyException: 'says that the master key was wrapped by another key',
  InvalidCiphertextException: 'says that the wrapped master key was changed, or belongs elsewhere',
  KMSInvalidStateException: 'says that the key cannot be used in its state',
  NotFoundException: 'does not know the key',
};

/**
 * Keeps a master key from lying in the clear. What is wrapped names its wrapper in front, as in `aws-kms:AQICAH…`, and may
 * lie in a file or in a setting; it is opened once, when the process starts. So no request ever waits for a key service,
 * and an outage of it stops no node that runs.
 */
export interface KeyWrapper {
  /** Stands before what this wrapper wrapped. */
  readonly scheme: string;
  /** `context` is authenticated and not secret: unwrapping needs the same. */
  wrap(key: Uint8Array, context: KeyContext): Promise<Buffer>;
  /** Throws a `KeyWrapperError` for another context, another key of the service, or when the service does not answer. */
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Buffer>;
}

export type KeyContext = Readonly<Record<string, string>>;

/** A key service did not do what was asked; the message tells the operator why and what to do. */
export class KeyWrapperError extends Error {
  override readonly name = 'KeyWrapperError';
}

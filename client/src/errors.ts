/** The one error class of the SDK. */

/** Where a request was wrong; `pointer` is a JSON Pointer into its body. */
export interface ErrorDetail {
  readonly pointer: string;
  readonly detail: string;
}

/** What an `AlcoveError` carries beside its code and sentence. */
export interface AlcoveErrorOptions {
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly errors?: readonly ErrorDetail[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * Every failure of the SDK. Switch over `code`; the message is a sentence for people.
 *
 * Codes that the server answers (`auth.…`, `pairing.…`, `sync.…`) come through as they are, with `status` and
 * `requestId`. The SDK's own codes:
 *
 * | code | when |
 * | --- | --- |
 * | `network` | no whole answer came; `sync()` may be called again at any time |
 * | `timeout` | no whole answer within the deadline |
 * | `aborted` | the caller's signal, or `client.close()`, ended the call |
 * | `protocol` | the answer is not what the contract says: not an Alcove server, or another version |
 * | `invalid_argument` | a call was given something it cannot take; the message names it |
 * | `identity.missing` | the call needs an account, or a device of one: register, sign in or pair first |
 * | `identity.exists` | the store is a device of an account already |
 * | `auth.signed_out` | this store holds no session (any more); the vault's content and queue are kept |
 * | `pairing.invalid_code` | the text is not a pairing code |
 * | `pairing.fingerprint_mismatch` | the server showed other keys than the code: do not approve |
 * | `pairing.not_open` | the pairing is not waiting for approval (any more) |
 * | `keys.untrusted` | the device log or a key share does not prove itself; nothing was taken from it |
 * | `keys.waiting` | this device signed in by a password alone and waits for another one to admit it |
 * | `keys.missing` | there is no key for this epoch yet, or none from after the last revocation |
 * | `keys.unsupported` | a device's key type cannot receive shares (RSA) |
 * | `recovery.invalid_words` | the 24 words are not whole or misspelt; the message says which are wrong |
 * | `recovery.wrong_words` | the words are not those of this account, or others have taken their place |
 * | `vault.item_too_large` | the sealed item would be longer than the server takes (640 KiB of base64url) |
 * | `vault.unreadable` | a version or deletion does not open: damaged, or not made by a device of this account |
 * | `import.not_recognised` | the file is not of the kind that the import reads |
 * | `import.newer` | the file was written by a newer SDK |
 * | `import.damaged` | the file is cut off, changed or no text; the message names the place |
 * | `import.wrong_password` | the bundle does not open with this password, or its beginning is damaged |
 * | `import.unsafe` | the archive has names or sizes that nobody makes in good faith |
 * | `storage.in_use` | another program holds the store and does not let go |
 * | `storage.newer` | the store was written by a newer SDK |
 * | `storage.failed` | the store could not be read or written |
 * | `storage.closed` | the client was closed |
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { AlcoveError, createClient, memoryStorage } from '@alcove/client';
 *
 * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
 * try {
 *   await client.vault.put({ kind: 'entry', value: 'too early' });
 *   assert.fail('a vault without an account takes no writes');
 * } catch (error) {
 *   assert(error instanceof AlcoveError);
 *   assert.equal(error.code, 'identity.missing');
 * }
 * ```
 */
export class AlcoveError extends Error {
  override readonly name = 'AlcoveError';
  /** Stable, `module.reason` or one word. */
  readonly code: string;
  /** HTTP status, when a server answered. */
  readonly status: number | undefined;
  /** The server's id of the request, worth quoting to whoever runs it. */
  readonly requestId: string | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** For `validation` problems: which members were wrong. */
  readonly errors: readonly ErrorDetail[];
  /** What else the server's problem says, by its member names. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: AlcoveErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.requestId = options.requestId;
    this.retryAfterMs = options.retryAfterMs;
    this.errors = options.errors ?? [];
    this.extensions = options.extensions ?? {};
  }
}

/** True for an `AlcoveError` with this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof AlcoveError && error.code === code;
}

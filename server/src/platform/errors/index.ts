/**
 * Expected failures: what a caller did that cannot be done, with a stable code and a sentence that a stranger may read.
 * Everything else that is thrown is a defect, and answers as a bare 500.
 */

export interface FailureDetails {
  /** What was expected, what came, where. Never holds secrets or what a person wrote. */
  readonly detail?: string;
  /** Further members of the problem, for example `results` or `current`. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Response headers, for example `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** The log has it already: a lasting trouble is not told again for every request that meets it. */
  readonly isLogged?: boolean;
}

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly isLogged: boolean;

  constructor(code: string, status: number, title: string, details: FailureDetails = {}) {
    super(details.detail ?? title, { cause: details.cause });
    this.code = code;
    this.status = status;
    this.title = title;
    this.extensions = details.extensions ?? {};
    this.headers = details.headers ?? {};
    this.isLogged = details.isLogged ?? false;
  }
}

/** Declares one line of a module's table of errors. */
export function failure(code: string, status: number, title: string) {
  return (details: FailureDetails | string = {}): Failure =>
    new Failure(code, status, title, typeof details === 'string' ? { detail: details } : details);
}

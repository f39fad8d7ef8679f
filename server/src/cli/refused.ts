/** The service said no, in a sentence. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';

  constructor(code: string, detail: string) {
    super(`${detail} (${code})`);
  }
}

/** The service was asked and did not answer. What it had begun may go on. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';

  constructor(url: string, cause: unknown) {
    super(`The service at ${url} gave no answer. It may be at it still: see its log before you try again.`, {
      cause,
    });
  }
}

/** The service said no, in a sentence. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';

  constructor(code: string, detail: string) {
    super(`${detail} (${code})`);
  }
}

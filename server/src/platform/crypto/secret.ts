import { inspect } from 'node:util';

/**
 * A text that must not be seen. Wherever it is printed, logged, thrown or serialised it reads `[secret]`;
 * only `reveal()` gives the value, so that a search for that word finds every place that looks.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

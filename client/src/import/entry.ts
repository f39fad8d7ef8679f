/** A journal entry as the imports from other apps make it. */

/**
 * What is stored as the value of an entry that came from another app, unless `toValue` makes something else of it.
 * Members that the other app did not give are left out.
 */
export interface ImportedEntry {
  /** Markdown. */
  readonly text: string;
  readonly title?: string | undefined;
  /**
   * RFC 3339 with an offset where the other app knew the moment; otherwise, as it stands there, a day (`2026-11-20`) or
   * a time of day without an offset (`2026-11-20T07:16`).
   */
  readonly createdAt?: string | undefined;
  readonly modifiedAt?: string | undefined;
  /** IANA name. */
  readonly timeZone?: string | undefined;
  readonly tags: readonly string[];
  readonly starred?: boolean | undefined;
  /** As the other app describes it. */
  readonly location?: unknown;
  readonly weather?: unknown;
  /** As the other app lists them; `path` is where the picture is in its archive. */
  readonly photos?: readonly unknown[] | undefined;
  readonly source: {
    readonly app: 'day-one' | 'markdown';
    /** The file that it came from. */
    readonly path: string;
    /** What the other app says beside all this, untouched. */
    readonly rest?: Readonly<Record<string, unknown>> | undefined;
  };
}

export interface EntryOptions {
  /** Makes the app's own value of an entry. The same entry has to give the same value every time. */
  readonly toValue?: (entry: ImportedEntry) => unknown;
}

/** What a benchmark is: a file in `benches/` that exports one of these, and a line in `benches/index.ts`. */
import type { Section } from './report.ts';

export interface Bench {
  readonly name: string;
  /** What it measures, for `--help`. */
  readonly summary: string;
  run(setting: BenchSetting): Promise<readonly Section[]>;
}

export interface BenchSetting {
  /** A folder of its own on the disk that is measured, empty at the beginning. */
  readonly folder: string;
  /** Fewer and shorter rounds: to see that it works, not to quote it. */
  readonly isQuick: boolean;
  /** Where CPU profiles of the server go; undefined for none. */
  readonly profileDir: string | undefined;
  /** Says what is being done at the moment. */
  progress(step: string): void;
}

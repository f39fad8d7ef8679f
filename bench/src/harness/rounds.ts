/** Contenders take turns, so that a slow moment of a shared machine hits them all and not one of them. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Sample {
  readonly changes: number;
  readonly requests: number;
  readonly seconds: number;
  /** Processor time of all its threads; undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined;
  /** Of each request; empty where there are no requests. */
  readonly latenciesMs: readonly number[];
}

export interface Contender<Work> {
  readonly name: string;
  run(work: Work): Promise<Sample>;
}

/** Lets what a contender left behind, such as pages to be written out, not burden the next one. */
const restMs = 150;

/** The samples of each contender, in its place. Everyone gets the same work; the first round only warms up. */
export async function runRounds<Work>(
  rounds: number,
  contenders: readonly Contender<Work>[],
  createWork: () => Work,
  progress: (step: string) => void,
): Promise<readonly (readonly Sample[])[]> {
  const samples = contenders.map((): Sample[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    const work = createWork();
    for (const at of orderOf(round, contenders.length)) {
      const contender = contenders[at];
      if (contender === undefined) continue;
      progress(`${contender.name}, ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}`);
      const sample = await contender.run(work);
      if (round > 0) samples[at]?.push(sample);
      await sleep(restMs);
    }
  }
  return samples;
}

/** Forwards and backwards in turn: nobody always comes after the same other. */
function orderOf(round: number, count: number): number[] {
  const order = Array.from({ length: count }, (_, at) => at);
  return round % 2 === 0 ? order : order.toReversed();
}

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchSetting } from '../bench.ts';
import { findResidentMegabytes } from '../harness/process-figures.ts';
import { startServer } from '../harness/server.ts';
import { median } from '../harness/statistics.ts';
import type { Section } from '../report.ts';

const bounds = { firstStartMs: 5000, nextStartMs: 2000, residentMegabytes: 450 } as const;

interface Start {
  readonly readyAfterMs: number;
  readonly residentMegabytes: number | undefined;
}

export const startUp: Bench = {
  name: 'start-up',
  summary: 'time to the first and to later starts, and memory at rest',
  async run(setting) {
    const { repeats, restMs } = setting.isQuick ? { repeats: 1, restMs: 2000 } : { repeats: 3, restMs: 5000 };
    const first: Start[] = [];
    const next: Start[] = [];
    setting.progress('a start that is not measured, after which compiled sources are kept');
    await startAndRest({ ...setting, folder: join(setting.folder, 'warm-up') }, 0);
    for (let repeat = 1; repeat <= repeats; repeat += 1) {
      const place = { ...setting, folder: join(setting.folder, `start-${repeat}`) };
      setting.progress(`first start, ${repeat} of ${repeats}`);
      first.push(await startAndRest(place, restMs, inFreshClone(place)));
      setting.progress(`second start, ${repeat} of ${repeats}`);
      next.push(await startAndRest(place, restMs));
    }
    return [describe(first, next, restMs)];
  },
};

/** Nothing compiled has been kept there yet. */
const inFreshClone = ({ folder }: BenchSetting) => ({ NODE_COMPILE_CACHE: join(folder, 'compiled') });

async function startAndRest(
  setting: BenchSetting,
  restMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Start> {
  await using server = await startServer(setting, env);
  const { pid, readyAfterMs } = server;
  await sleep(restMs);
  const residentMegabytes = findResidentMegabytes(pid);
  await server.stop();
  return { readyAfterMs, residentMegabytes };
}

function describe(first: readonly Start[], next: readonly Start[], restMs: number): Section {
  const rest = `${restMs / 1000} s after it was ready`;
  return {
    title: 'start-up: from the start of the process until it listens; medians',
    columns: ['', 'measured', 'bound', ''],
    rows: [
      timeRow('first start: fresh clone, empty folder', first, bounds.firstStartMs),
      timeRow('second start', next, bounds.nextStartMs),
      memoryRow(`memory after the first start, ${rest}`, first),
      memoryRow(`memory after the second start, ${rest}`, next),
    ],
    sentences: [],
  };
}

function timeRow(name: string, starts: readonly Start[], boundMs: number): string[] {
  const measuredMs = median(starts.map(({ readyAfterMs }) => readyAfterMs));
  return [name, `${(measuredMs / 1000).toFixed(2)} s`, `${boundMs / 1000} s`, kept(measuredMs, boundMs)];
}

function memoryRow(name: string, starts: readonly Start[]): string[] {
  const bound = `${bounds.residentMegabytes} MB`;
  const known = starts.flatMap(({ residentMegabytes }) => residentMegabytes ?? []);
  if (known.length === 0) return [name, 'unknown', bound, 'this system has no /proc'];
  const measured = median(known);
  return [name, `${measured.toFixed(0)} MB`, bound, kept(measured, bounds.residentMegabytes)];
}

const kept = (measured: number, bound: number) => (measured <= bound ? 'kept' : 'EXCEEDED');

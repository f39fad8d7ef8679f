/** The measured service: a process of its own with everything on, its log in a file. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Person, registerPerson } from '../../../server/src/testing/people.ts';
import { type ServerProcess, startServerProcess } from '../../../server/src/testing/process.ts';
import type { BenchSetting } from '../bench.ts';
import { alcoveSettings } from './machine.ts';

/** The limiter stays at work, but as far away as it can be set: a benchmark's few accounts call like thousands. */
const farLimits = { ALCOVE_LIMIT_SCALE: '1000' };

export function startServer(
  { folder, profileDir }: BenchSetting,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  mkdirSync(folder, { recursive: true });
  return startServerProcess({
    dataDir: join(folder, 'data'),
    logFile: join(folder, 'server.log'),
    env: { ...farLimits, ...alcoveSettings(), ...env },
    nodeOptions: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`],
  });
}

const registrationsAtOnce = 8;

/** One account with one device each, and therefore one vault each. */
export async function registerPeople(url: string, count: number): Promise<Person[]> {
  const people: Person[] = [];
  let claimed = 0;
  const claim = () => {
    claimed += 1;
    return claimed <= count;
  };
  await Promise.all(
    Array.from({ length: Math.min(count, registrationsAtOnce) }, async () => {
      for (let left = claim(); left; left = claim()) people.push(await registerPerson(url));
    }),
  );
  return people;
}

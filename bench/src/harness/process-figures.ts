/** What the system knows of a process; undefined where there is no /proc. */
import { readFileSync } from 'node:fs';

/** Resident memory, in MB of 10^6 bytes. */
export function findResidentMegabytes(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6;
}

/** Runs `work` and adds the processor time that the process used meanwhile, all its threads together. */
export async function withCpuOf<T extends object>(
  pid: number,
  work: () => T | Promise<T>,
): Promise<T & { cpuSeconds: number | undefined }> {
  const before = findCpuSeconds(pid);
  const result = await work();
  const after = findCpuSeconds(pid);
  return {
    ...result,
    cpuSeconds: before === undefined || after === undefined ? undefined : after - before,
  };
}

/** proc(5) counts in ticks, a hundred a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

function findCpuSeconds(pid: number): number | undefined {
  // The name stands in parentheses and may hold anything, spaces included.
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  const [userTicks, systemTicks] = [fields[11], fields[12]];
  if (userTicks === undefined || systemTicks === undefined) return undefined;
  return (Number(userTicks) + Number(systemTicks)) / ticksPerSecond;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

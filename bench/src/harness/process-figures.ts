/** What the system knows of a process; undefined where there is no /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Resident memory, in MB of 10^6 bytes. */
export function findResidentMegabytes(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6;
}

/** Descriptors that the process holds, and how many of them are vaults' databases. */
export function findDescriptors(pid: number): { all: number; vaults: number } | undefined {
  try {
    const folder = `/proc/${pid}/fd`;
    const targets = readdirSync(folder).map((name) => findTarget(`${folder}/${name}`));
    return { all: targets.length, vaults: targets.filter((target) => target.endsWith('.db')).length };
  } catch {
    return undefined;
  }
}

/** One that was closed since the folder was read has none. */
function findTarget(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
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

/** What the figures were measured on. Without it they mean nothing. */
import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { median } from './statistics.ts';

const tmpfsType = 0x01021994;

export function describeMachine(folder: string): string[] {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const load = loadavg()[0] ?? 0;
  const lines = [
    `date      ${new Date().toISOString()}`,
    `machine   ${availableParallelism()} cores, ${model}; load ${load.toFixed(1)} before the run`,
    `node      ${process.versions.node}, SQLite ${process.versions.sqlite}`,
    `database  embedded PostgreSQL for accounts, one SQLite file for each vault`,
    `disk      ${folder}; a durable write of 4 KiB takes ${measureSyncMs(folder).toFixed(2)} ms`,
  ];
  if (statfsSync(folder).type === tmpfsType)
    lines.push('          This folder is memory, where durability costs nothing: give a disk with --folder.');
  const settings = Object.entries(alcoveSettings()).map(([name, value]) => `${name}=${value}`);
  return settings.length === 0 ? lines : [...lines, `settings  ${settings.join(' ')}`];
}

/** The settings that this process was given for the server that it measures. */
export function alcoveSettings(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => name.startsWith('ALCOVE_'));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

function measureSyncMs(folder: string): number {
  const path = join(folder, 'sync-probe');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(4096, 1);
  const samples = Array.from({ length: 50 }, () => {
    const startedAt = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(path);
  return median(samples);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from './read.ts';

/** The environment together with the folder's `.env` file, if it has one. What is really set wins over the file. */
export function readEnvironment(folder: string, env: Environment): Environment {
  return { ...parseEnv(dotEnvOf(folder)), ...env };
}

function dotEnvOf(folder: string): string {
  try {
    return readFileSync(join(folder, '.env'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

const workspaces = ['server/src', 'server/migrations', 'contract', 'client', 'examples', 'bench'];

/** Every source file of the repository, path → source. */
export function readSources(root: string): Map<string, string> {
  const paths = workspaces.flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, { cwd: root, exclude: (name) => name.includes('node_modules') }),
  );
  return new Map(paths.map((path) => [path.split(sep).join('/'), readFileSync(join(root, path), 'utf8')]));
}

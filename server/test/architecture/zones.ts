import { posix } from 'node:path';

/** Where a file stands in the house. `name` is the module or the platform part. */
export interface Place {
  readonly path: string;
  readonly zone: Zone;
  readonly name: string;
}

export const zones = [
  'main',
  'cli',
  'app',
  'http',
  'module',
  'context',
  'platform',
  'version',
  'migrations',
  'testing',
  'contract',
  'client',
  'examples',
  'bench',
] as const;
export type Zone = (typeof zones)[number];

const zonesByPath: readonly (readonly [RegExp, Zone])[] = [
  [/^server\/src\/main\.ts$/, 'main'],
  [/^server\/src\/cli(?:\.ts|\/)/, 'cli'],
  [/^server\/src\/app\.ts$/, 'app'],
  [/^server\/src\/context\.ts$/, 'context'],
  [/^server\/src\/version\.ts$/, 'version'],
  [/^server\/src\/http\//, 'http'],
  [/^server\/src\/modules\/([^/]+)\//, 'module'],
  [/^server\/src\/platform\/([^/]+)\//, 'platform'],
  [/^server\/src\/testing\//, 'testing'],
  [/^server\/migrations\//, 'migrations'],
  [/^contract\//, 'contract'],
  [/^client\//, 'client'],
  [/^examples\//, 'examples'],
  [/^bench\//, 'bench'],
];

/** Undefined for a file that stands nowhere in the plan. */
export function findPlace(path: string): Place | undefined {
  for (const [shape, zone] of zonesByPath) {
    const match = shape.exec(path);
    if (match !== null) return { path, zone, name: match[1] ?? zone };
  }
  return undefined;
}

export function isTest(path: string): boolean {
  return /\.test\.tsx?$|^(?:client|server)\/test\/|\/fixtures\//.test(path);
}

/** The path that a specifier means, seen from a file; undefined for packages that are not ours. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier);
  const [, workspace, subject = 'index'] = /^@alcove\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? [];
  if (workspace === undefined) return undefined;
  return subject === 'testing' ? 'server/src/testing/index.ts' : `${workspace}/src/${subject}.ts`;
}

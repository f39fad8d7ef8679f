import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);
const page = readFileSync(new URL('docs/dependencies.md', root), 'utf8');
const folders = ['', 'contract/', 'server/', 'client/', 'examples/', 'docs/', 'bench/'];

/** Name → version of everything that is not ours, over all manifests. */
const dependencies = folders.flatMap((folder) => {
  const manifest = JSON.parse(readFileSync(new URL(`${folder}package.json`, root), 'utf8'));
  const named: [string, string][] = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return named.filter(([name]) => !name.startsWith('@alcove/'));
});

test('every dependency stands on the page, and the page names no other', () => {
  const onPage = [...page.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name);
  expect([...new Set(onPage)].sort()).toEqual([...new Set(dependencies.map(([name]) => name))].sort());
});

test('the licence on the page is the licence of the package', () => {
  for (const [, name, licence] of page.matchAll(/^\| `([^`]+)` +\| ([^|]+) \|/gm)) {
    const manifest = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, root), 'utf8'));
    expect([name, manifest.license]).toEqual([name, licence?.trim()]);
  }
});

test.each(dependencies)('%s is pinned exactly (%s)', (_, version) => {
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

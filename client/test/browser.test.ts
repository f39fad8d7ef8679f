/** What a browser loads of the client contains nothing that only Node has, and no schema library. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const importing =
  /^(?:import|export)\s(?!type\s)[^;]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gm;

/** Every module that loading `entry` loads, with the packages that are not followed further. */
async function loadedBy(entry: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  if (!entry.startsWith('file:')) return seen;
  const code = withoutComments(await readFile(fileURLToPath(entry), 'utf8'));
  for (const [, from, bare, dynamic] of code.matchAll(importing)) {
    await loadedBy(resolve(from ?? bare ?? dynamic ?? '', entry), seen);
  }
  return seen;
}

function resolve(specifier: string, importer: string): string {
  if (specifier.startsWith('.')) return new URL(specifier, importer).href;
  return specifier.startsWith('@alcove/') ? import.meta.resolve(specifier) : specifier;
}

function withoutComments(code: string): string {
  return code.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

const outside = ['@hpke/core', '@scure/bip39', '@scure/bip39/wordlists/english.js'];

it.each(['@alcove/client', '@alcove/client/browser'])(
  '%s loads only itself, the contract, HPKE and the words of recovery keys',
  async (entry) => {
    const loaded = [...(await loadedBy(import.meta.resolve(entry)))];
    expect(loaded.length).toBeGreaterThan(1);
    expect(loaded.filter((module) => !module.startsWith('file:')).sort()).toEqual(
      entry === '@alcove/client' ? outside : [],
    );
  },
);

it('would notice: the store for Node does load parts of Node', async () => {
  expect(await loadedBy(import.meta.resolve('@alcove/client/node'))).toContain('node:sqlite');
});

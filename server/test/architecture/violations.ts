import { findImports } from './imports.ts';
import { findBrokenRule, findMisplacement } from './rules.ts';
import { hasMisplacedSql } from './sql.ts';
import { findPlace, isTest, resolveImport } from './zones.ts';

/** Everything in the given files (path → source) that breaks the plan of the house, one sentence each. */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, source]) => (isTest(path) ? [] : violationsOf(path, source)));
}

function violationsOf(path: string, source: string): string[] {
  const place = findPlace(path);
  const misplaced = findMisplacement(place);
  if (place === undefined || misplaced !== undefined) return [`${path} ${misplaced}.`];
  const imports = findImports(source).flatMap((specifier) => {
    const target = resolveImport(path, specifier);
    const to = target === undefined ? undefined : findPlace(target);
    const rule = to === undefined ? undefined : findBrokenRule(place, to);
    return rule === undefined ? [] : [`${path} imports ${target}, but ${rule}.`];
  });
  const sql = hasMisplacedSql(place, source)
    ? [`${path} contains SQL, but SQL stands only in a store and in the program of a vault.`]
    : [];
  return [...imports, ...sql];
}

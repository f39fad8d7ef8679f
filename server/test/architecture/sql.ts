import { withoutComments } from './imports.ts';
import { isTest, type Place } from './zones.ts';

/** Whether a file holds SQL although it is not one of those that may. */
export function hasMisplacedSql(place: Place, source: string): boolean {
  return !mayHoldSql(place) && sqlShapes.some((shape) => shape.test(withoutComments(source)));
}

function mayHoldSql({ path, zone }: Place): boolean {
  if (isTest(path) || zone === 'platform' || zone === 'migrations') return true;
  if (zone === 'testing' || zone === 'bench' || zone === 'client' || zone === 'examples') return true;
  return /\/(?:[a-z-]+-)?store\.ts$/.test(path) || (zone === 'module' && path.includes('/vault/'));
}

const sqlShapes: readonly RegExp[] = [
  /\bsql(?:<[^`]*>)?`/,
  /\.(?:selectFrom|insertInto|updateTable|deleteFrom|mergeInto)\(/,
  /['"`]\s*(?:select\s[\s\S]+?\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s)/i,
  /['"`]\s*(?:create|alter|drop)\s+(?:table|index|unique index|policy|role|view|function)\s/i,
];

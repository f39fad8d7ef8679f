/**
 * What each operation can read of a vault. A vault on another machine brings these rows here, and nothing else is seen:
 * whoever lets an operation read more adds it here. `program.test.ts` runs on both homes and notices what is missing.
 */
import type { Kind } from '@alcove/contract';
import type { Footprint, Footprints, Read } from '../../../platform/vaults/index.ts';
import { findPosition } from './cursor.ts';
import type { SyncOperations } from './program.ts';
import { type PullInput, pageBytesMax } from './pull.ts';
import type { PushInput } from './push.ts';
import { readEnvelope } from './push-envelope.ts';
import { tables, versionWeight } from './vault-store.ts';

const whole = (table: string): Read => ({ table, where: '1', args: [], isBounded: true });

/** Small tables that nearly every operation looks into. */
const rules: readonly Read[] = ['meta', 'lineage', 'device_info', 'milestones'].map(whole);
const openConflicts: Read = { table: 'conflicts', where: `state = 'open'`, args: [], isBounded: true };
const newestConflict: Read = {
  table: 'conflicts',
  where: 'detected_at = (SELECT max(detected_at) FROM conflicts)',
  args: [],
  isBounded: true,
};
/** Says nothing but which index serves. */
const ofAnyKind = `kind IN ('entry', 'memory', 'tag')`;
const kindsAll: readonly Kind[] = ['entry', 'memory', 'tag'];

export const footprints: Footprints<SyncOperations> = {
  open: () => ({ writes: false, reads: [] }),
  push: ofPush,
  pull: ofPull,
  head: () => ({ writes: false, reads: [whole('meta'), newestConflict] }),
  restored: () => ({ writes: true, reads: rules }),
};

function ofPush({ body, idempotencyKey }: PushInput): Footprint {
  const envelope = readEnvelope(body);
  if (envelope.outcome !== 'read') return { writes: false, reads: [] };
  const answers =
    idempotencyKey === undefined
      ? []
      : [{ table: 'idempotency', where: 'key = ?1', args: [idempotencyKey], isBounded: true }];
  return { writes: true, reads: [...rules, openConflicts, ...answers, ...itemsOf(envelope.changes)] };
}

/** The items that the changes speak of. Where a change is malformed, it names none. */
function itemsOf(changes: readonly unknown[]): Read[] {
  const ids = JSON.stringify([...new Set(changes.flatMap(idOf))]);
  const named = (column: string) => `${column} IN (SELECT value FROM json_each(?1))`;
  return [
    ...kindsAll.map((kind) => ({ table: tables[kind], where: named('id'), args: [ids] })),
    { table: 'siblings', where: `${ofAnyKind} AND ${named('item_id')}`, args: [ids] },
  ];
}

function idOf(change: unknown): string[] {
  const hasId = typeof change === 'object' && change !== null && 'id' in change;
  return hasId && typeof change.id === 'string' ? [change.id] : [];
}

function ofPull(input: PullInput): Footprint {
  const base = [...rules, openConflicts];
  const writes = input.acknowledged !== undefined;
  const from = input.cursor === undefined ? undefined : findPosition(input.cursor);
  if (input.cursor !== undefined && from === undefined) return { writes, reads: base };
  const { seq = 0, quietUpTo = undefined } = from ?? {};
  const args = [seq, quietUpTo ?? null, input.limit + 1];
  return { writes, reads: [...base, ...feed(input.kinds, args)] };
}

/** The next items of the feed: those that may fit into the page, and one more, which tells that there are more. */
function feed(kinds: readonly Kind[], args: Read['args']): Read[] {
  const isNext = 'seq > ?1 AND (live = 1 OR seq > coalesce(?2, (SELECT head FROM meta)))';
  const weights = kinds.map((kind) => {
    const siblings = `(SELECT total(${versionWeight}) FROM siblings WHERE kind = '${kind}' AND item_id = item.id)`;
    return `SELECT seq, ${versionWeight} + iif(sibling_count = 0, 0, ${siblings}) AS weight
      FROM ${tables[kind]} AS item WHERE ${isNext}`;
  });
  const last = `(WITH next AS (${weights.join(' UNION ALL ')} ORDER BY seq LIMIT ?3),
    measured AS (SELECT seq, sum(weight) OVER (ORDER BY seq) AS weight_with FROM next)
    SELECT coalesce(min(seq) FILTER (WHERE weight_with > ${pageBytesMax} AND seq > (SELECT min(seq) FROM next)), max(seq))
    FROM measured)`;
  const items = kinds.map((kind) => ({
    table: tables[kind],
    where: `${isNext} AND seq <= ${last}`,
    args,
    isBounded: true,
  }));
  const divided = kinds.map(
    (kind) => `SELECT id FROM ${tables[kind]}, bound WHERE sibling_count > 0 AND ${isNext} AND seq <= last`,
  );
  const ids = `(WITH bound AS (SELECT ${last} AS last) ${divided.join(' UNION ALL ')})`;
  return [...items, { table: 'siblings', where: `${ofAnyKind} AND item_id IN ${ids}`, args }];
}

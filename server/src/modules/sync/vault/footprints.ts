/**
 * What each operation can read of a vault. A vault on another machine brings these rows here, and nothing else is seen:
 * whoever lets an operation read more adds it here. `program.test.ts` runs on both homes and notices what is missing.
 */
import type { Kind } from '@alcove/contract';
import type { Footprint, Footprints, Read } from '../../../platform/vaults/index.ts';
import type { ConflictsInput } from './conflicts.ts';
import { findPosition } from './cursor.ts';
import { settledPerStepMax } from './policy.ts';
import type { SyncOperations } from './program.ts';
import { type PullInput, pageBytesMax } from './pull.ts';
import type { PushInput } from './push.ts';
import { readPush } from './push-envelope.ts';
import type { ResolveInput } from './resolve.ts';
import { tables, versionWeight } from './tables.ts';
import { collectedPerRunMax } from './tidy.ts';

const whole = (table: string): Read => ({ table, where: '1', args: [], isBounded: true });

/** Small tables that nearly every operation looks into. */
const rules: readonly Read[] = ['meta', 'lineage', 'device_info', 'milestones'].map(whole);
/** The open conflicts that one step settles. */
const conflictsToSettle = `id IN (SELECT id FROM conflicts WHERE state = 'open' ORDER BY id LIMIT ${settledPerStepMax})`;
const settling: Footprint = {
  writes: true,
  reads: [...rules, { table: 'conflicts', where: conflictsToSettle, args: [], isBounded: true }],
};
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
  branched: () => ({ writes: true, reads: rules }),
  embeddings: ({ after = ['', ''], limit }) =>
    pageOf('entry_embeddings', '(item_id, model)', '(?1, ?2)', [...after, limit]),
  usage: ({ after = [''], limit }) => pageOf('llm_usage', '(id)', '(?1)', [...after, limit]),
  conflicts: ofConflicts,
  resolve: ofResolve,
  setPolicy: () => settling,
  settle: () => settling,
  status: () => ({ writes: false, mayLag: true, reads: rules }),
  tidy: ofTidy,
};

/** The rows of a table that follow a key; the limit is the last of `args`. */
function pageOf(table: string, key: string, after: string, args: Read['args']): Footprint {
  const rows = `SELECT ${key.slice(1, -1)} FROM ${table} WHERE ${key} > ${after}
    ORDER BY ${key.slice(1, -1)} LIMIT ?${args.length}`;
  return { writes: false, mayLag: true, reads: [{ table, where: `${key} IN (${rows})`, args }] };
}

function ofPush({ body, idempotencyKey }: PushInput): Footprint {
  const envelope = readPush(body);
  if (envelope.outcome !== 'read') return { writes: false, reads: [] };
  const items = itemsOf(envelope.changes);
  return { writes: true, reads: [...rules, ...answersTo(idempotencyKey), ...items] };
}

function answersTo(idempotencyKey: string | undefined): Read[] {
  if (idempotencyKey === undefined) return [];
  return [{ table: 'idempotency', where: 'key = ?1', args: [idempotencyKey], isBounded: true }];
}

/** The items that the changes speak of, and their open conflicts. Where a change is malformed, it names none. */
function itemsOf(changes: readonly unknown[]): Read[] {
  const ids = JSON.stringify([...new Set(changes.flatMap(idOf))]);
  const named = (column: string) => `${column} IN (SELECT value FROM json_each(?1))`;
  return [
    ...kindsAll.map((kind) => ({ table: tables[kind], where: named('id'), args: [ids] })),
    { table: 'siblings', where: `${ofAnyKind} AND ${named('item_id')}`, args: [ids] },
    openConflictsOf(named('item_id'), [ids]),
  ];
}

function openConflictsOf(items: string, args: Read['args']): Read {
  return { table: 'conflicts', where: `state = 'open' AND ${ofAnyKind} AND ${items}`, args, isBounded: true };
}

function idOf(change: unknown): string[] {
  const hasId = typeof change === 'object' && change !== null && 'id' in change;
  return hasId && typeof change.id === 'string' ? [change.id] : [];
}

function ofPull(input: PullInput): Footprint {
  // What a device says that it has stored is written, and mostly has been before.
  const access = { writes: input.acknowledged !== undefined, mayLag: true };
  const from = input.cursor === undefined ? undefined : findPosition(input.cursor);
  if (input.cursor !== undefined && from === undefined) return { ...access, reads: rules };
  const { seq = 0, quietUpTo = undefined } = from ?? {};
  const args = [seq, quietUpTo ?? null, input.limit + 1];
  return { ...access, reads: [...rules, ...feed(input.kinds, args)] };
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
    // And the oldest deletion that was read: it tells whether there is one to forget.
    where: `(${isNext} AND seq <= ${last}) OR (seq <= ?1 AND seq = (SELECT min(seq) FROM ${tables[kind]} WHERE live = 0))`,
    args,
    isBounded: true,
  }));
  const divided = kinds.map(
    (kind) => `SELECT id FROM ${tables[kind]}, bound WHERE sibling_count > 0 AND ${isNext} AND seq <= last`,
  );
  const ids = `(WITH bound AS (SELECT ${last} AS last) ${divided.join(' UNION ALL ')})`;
  const ofDivided = `item_id IN ${ids}`;
  return [
    ...items,
    { table: 'siblings', where: `${ofAnyKind} AND ${ofDivided}`, args },
    openConflictsOf(ofDivided, args),
  ];
}

function ofConflicts({ state, limit, cursor = '' }: ConflictsInput): Footprint {
  const listed = 'SELECT id, item_id FROM conflicts WHERE state = ?1 AND id > ?2 ORDER BY id LIMIT ?3';
  const args = [state, cursor, limit + 1];
  const conflicts = {
    table: 'conflicts',
    where: `id IN (SELECT id FROM (${listed}))`,
    args,
    isBounded: true,
  };
  return {
    writes: false,
    mayLag: true,
    reads: [conflicts, ...itemsAmong(`SELECT item_id FROM (${listed})`, args)],
  };
}

function ofResolve({ conflictId, idempotencyKey }: ResolveInput): Footprint {
  const args = [conflictId];
  const ofItem = `state = 'open' AND ${ofAnyKind} AND item_id = (SELECT item_id FROM conflicts WHERE id = ?1)`;
  const conflicts = { table: 'conflicts', where: `id = ?1 OR (${ofItem})`, args, isBounded: true };
  const items = itemsAmong('SELECT item_id FROM conflicts WHERE id = ?1', args);
  return { writes: true, reads: [...rules, conflicts, ...answersTo(idempotencyKey), ...items] };
}

function itemsAmong(ids: string, args: Read['args']): Read[] {
  return [
    ...kindsAll.map((kind) => ({ table: tables[kind], where: `id IN (${ids})`, args })),
    { table: 'siblings', where: `${ofAnyKind} AND item_id IN (${ids})`, args },
  ];
}

/**
 * Items of which nothing is left, the oldest first: deletions have short payloads or none, so they are light. And of what
 * goes by its age the oldest and one more, which tells when to look again; of answers the newest.
 */
function ofTidy(): Footprint {
  const args = [collectedPerRunMax];
  const oldest = (column: string, kind: Kind) =>
    `SELECT ${column} FROM (SELECT id, seq FROM ${tables[kind]} WHERE live = 0 ORDER BY seq LIMIT ?1)`;
  const gone = kindsAll.map((kind) => ({
    table: tables[kind],
    where: `seq IN (${oldest('seq', kind)})`,
    args,
    isBounded: true,
  }));
  const ids = kindsAll.map((kind) => oldest('id', kind)).join(' UNION ALL ');
  const siblings = {
    table: 'siblings',
    where: `${ofAnyKind} AND item_id IN (${ids})`,
    args,
    isBounded: true,
  };
  const resolved = `rowid IN (SELECT rowid FROM conflicts WHERE state = 'resolved' ORDER BY resolved_at LIMIT ?1 + 1)`;
  const isSettling = `(SELECT entries_policy FROM meta) = 'last-writer-wins'`;
  const conflicts = {
    table: 'conflicts',
    where: `${resolved} OR (${isSettling} AND ${conflictsToSettle})`,
    args,
    isBounded: true,
  };
  const newest = 'number = (SELECT max(number) FROM idempotency)';
  const answers = { table: 'idempotency', where: newest, args: [], isBounded: true };
  return { writes: true, reads: [...rules, ...gone, siblings, conflicts, answers] };
}

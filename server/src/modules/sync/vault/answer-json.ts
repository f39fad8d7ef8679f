/**
 * Writes items as JSON text straight from their columns. Clock and meta are stored as JSON, and ids, times and payloads
 * have alphabets without anything to escape, so a page of a pull is put together without parsing what it holds.
 */
import type { ItemRow, VersionRow } from './vault-store.ts';

export function itemJson(row: ItemRow, siblings: readonly VersionRow[]): string {
  const op = row.deleted === 1 ? 'delete' : 'put';
  const beside = siblings.length === 0 ? '' : `,"siblings":[${siblings.map(siblingJson).join()}]`;
  return `{"id":"${row.id}","kind":"${row.kind}","op":"${op}","seq":${row.seq},${versionMembers(row)}${beside}}`;
}

const siblingJson = (row: VersionRow) => `{${versionMembers(row)}}`;

function versionMembers(row: VersionRow): string {
  const payload = row.payload === null ? '' : `,"payload":"${row.payload}"`;
  const meta = row.meta === null ? '' : `,"meta":${row.meta}`;
  return `"clock":${row.clock},"time":"${row.time}","deviceId":"${row.device_id}","epoch":${row.epoch},"deleted":${row.deleted === 1}${payload}${meta}`;
}

/** What an item weighs in an answer. */
export function itemLength(row: ItemRow, siblings: readonly VersionRow[]): number {
  return versionLength(row) + siblings.reduce((total, sibling) => total + versionLength(sibling), 0);
}

/** Clocks and meta can weigh more than the payload. */
const versionLength = (row: VersionRow) =>
  row.clock.length + (row.payload?.length ?? 0) + (row.meta?.length ?? 0) + 200;

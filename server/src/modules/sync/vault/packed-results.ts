/**
 * Results of a push in few bytes, for as long as its answer is kept. Ids follow from the request, most results differ from
 * the one before in their number alone, and of what was refused each reason is written once.
 */
import type { PushResult } from '@alcove/contract';

export interface PackedResults {
  readonly reasons: readonly Reason[];
  readonly runs: readonly Run[];
}

/** A code and, where there is room for it, the sentence that explains it. */
type Reason = readonly [code: string, detail?: string];

/** Consecutive results that are the same but for their ids, with numbers that rise by one. `what` is a status or a reason. */
type Run = [count: number, what: PushResult['status'] | number, firstSeq?: number, conflictId?: string];

/** There may be as many different sentences as changes. Beyond so many characters the codes have to do. */
const detailsLengthMax = 2048;

export function packResults(results: readonly PushResult[]): PackedResults {
  const reasons = collectReasons();
  const runs: Run[] = [];
  for (const result of results) {
    const what = result.status === 'rejected' ? reasons.indexOf(result) : result.status;
    const last = runs.at(-1);
    if (last !== undefined && continues(last, what, result)) last[0] += 1;
    else runs.push(startRun(what, result));
  }
  return { reasons: reasons.list, runs };
}

/** `ids` are those of the request's changes, in their order. */
export function unpackResults({ reasons, runs }: PackedResults, ids: readonly string[]): PushResult[] {
  const results: PushResult[] = [];
  for (const [count, what, firstSeq, conflictId] of runs) {
    const same = typeof what === 'number' ? refused(reasons[what]) : { status: what };
    for (let at = 0; at < count; at += 1) {
      results.push({
        id: ids[results.length] ?? '',
        ...same,
        ...(firstSeq === undefined ? {} : { seq: firstSeq + at }),
        ...(conflictId === undefined ? {} : { conflictId }),
      });
    }
  }
  return results;
}

function collectReasons() {
  const list: Reason[] = [];
  const indexes = new Map<string, number>();
  let detailsLength = 0;

  function indexOf({ code = '', detail = '' }: PushResult): number {
    const known = indexes.get(`${code} ${detail}`);
    if (known !== undefined) return known;
    if (detailsLength + detail.length > detailsLengthMax) return indexes.get(code) ?? add(code, [code]);
    detailsLength += detail.length;
    return add(`${code} ${detail}`, [code, detail]);
  }

  function add(key: string, reason: Reason): number {
    indexes.set(key, list.length);
    return list.push(reason) - 1;
  }

  return { list, indexOf };
}

function continues(run: Run, what: Run[1], { seq, conflictId }: PushResult): boolean {
  const [count, before, firstSeq, conflictBefore] = run;
  if (what !== before || conflictId !== undefined || conflictBefore !== undefined) return false;
  return firstSeq === undefined ? seq === undefined : seq === firstSeq + count;
}

function startRun(what: Run[1], { seq, conflictId }: PushResult): Run {
  if (seq === undefined) return [1, what];
  return conflictId === undefined ? [1, what, seq] : [1, what, seq, conflictId];
}

function refused(reason: Reason | undefined): Pick<PushResult, 'status' | 'code' | 'detail'> {
  const [code, detail] = reason ?? [];
  return {
    status: 'rejected',
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  };
}

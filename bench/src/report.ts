/** Turns measurements into text. */
import type { Sample } from './harness/rounds.ts';
import { median, quantile } from './harness/statistics.ts';
import { pouchDbMissing } from './peers/pouchdb.ts';

export interface Section {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the figures say. */
  readonly sentences: readonly string[];
}

export function renderSection({ title, columns, rows, sentences }: Section): string {
  const table = [columns, ...rows];
  const widths = columns.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')}`;
  const rule = `  ${'-'.repeat(line(columns).length - 2)}`;
  return [title, line(columns), rule, ...rows.map(line), ...sentences.map((text) => wrap(text))].join('\n');
}

const textWidth = 108;

function wrap(text: string): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length + 1 > textWidth) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line, at) => (at === 0 ? `  > ${line}` : `    ${line}`)).join('\n');
}

export const rateColumns = [
  '',
  'changes/s',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'CPU us/change',
  'slowest..fastest round',
];

/** One contender's row: the medians over its rounds. */
export function rateRow(name: string, samples: readonly Sample[]): string[] {
  const rates = samples.map(changesPerSecond);
  const latencies = samples.flatMap(({ latenciesMs }) => latenciesMs);
  return [
    name,
    whole(median(rates)),
    whole(median(samples.map(({ requests, seconds }) => requests / seconds))),
    milliseconds(latencies, 0.5),
    milliseconds(latencies, 0.99),
    cpuMicros(samples),
    `${whole(Math.min(...rates))}..${whole(Math.max(...rates))}`,
  ];
}

/** How one contender stands to another: the ratio of the medians, and between which values single rounds lay. */
export function compare(ours: readonly Sample[], floor: readonly Sample[]) {
  const ours_ = ours.map(changesPerSecond);
  const floor_ = floor.map(changesPerSecond);
  const ofRounds = ours_.map((rate, round) => rate / (floor_[round] ?? Number.NaN));
  return {
    ratio: median(ours_) / median(floor_),
    text: (median(ours_) / median(floor_)).toFixed(2),
    range: `rounds ${Math.min(...ofRounds).toFixed(2)} to ${Math.max(...ofRounds).toFixed(2)}`,
  };
}

/** How the service stands to the peer, where the peer could be had. */
export function comparePeer(
  what: string,
  ours: readonly Sample[],
  peer: readonly Sample[] | undefined,
  aim: number,
): string {
  if (peer === undefined) return pouchDbMissing;
  const { ratio, text, range } = compare(ours, peer);
  return `${what} / PouchDB Server = ${text} (${verdict(ratio, aim)}; ${range}), without accounts or clocks on its side.`;
}

export const verdict = (ratio: number, aim: number) =>
  `aim ${aim.toFixed(2)}: ${ratio >= aim ? 'reached' : 'MISSED'}`;

const changesPerSecond = ({ changes, seconds }: Sample) => changes / seconds;
export const whole = (value: number) => Math.round(value).toLocaleString('en');
const milliseconds = (values: readonly number[], q: number) =>
  values.length === 0 ? '' : quantile(values, q).toFixed(1);

function cpuMicros(samples: readonly Sample[]): string {
  const known = samples.flatMap(({ cpuSeconds, changes }) =>
    cpuSeconds === undefined ? [] : (cpuSeconds / changes) * 1e6,
  );
  return known.length === 0 ? '' : median(known).toFixed(1);
}

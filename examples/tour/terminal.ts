/** How the tour speaks: numbered steps, indented facts, one progress bar. */
import { stripVTControlCharacters, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  title(text: string): void;
  /** Begins the next step. */
  step(what: string): void;
  fact(text: string): void;
  /** Somebody's own words, or a value as it lies somewhere. */
  quote(label: string, text: string): void;
  progress(what: string, total: number): Progress;
  /** Something that had to hold, and does. */
  proven(text: string): void;
  blank(): void;
  /** The step that was begun last, as `3, Import the journal`; undefined before the first. */
  readonly lastStep: string | undefined;
}

export interface Progress {
  show(done: number): void;
}

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

const barWidth = 30;
const widthWithoutTerminal = 110;
const labelWidth = 14;

/** Colours and the bar that redraws itself are for terminals; a file or a pipe gets plain lines. */
export function createTerminal(output: NodeJS.WriteStream): Terminal {
  const paint = (style: Style, text: string) => styleText(style, text, { stream: output });
  const line = (text: string) => output.write(`${text}\n`);
  let steps = 0;
  let lastStep: string | undefined;
  return {
    title: (text) => line(`\n${paint('bold', text)}`),
    step(what) {
      steps += 1;
      lastStep = `${steps}, ${what}`;
      line(`\n${paint('bold', `${String(steps).padStart(2)}  ${what}`)}`);
    },
    fact: (text) => line(`    ${text}`),
    quote: (label, text) => line(`    ${paint('dim', label.padEnd(labelWidth))}${excerpt(text, output)}`),
    progress: (what, total) =>
      output.isTTY ? drawBar(output, what, total) : printQuarters(line, what, total),
    proven: (text) => line(`    ${paint('green', '✓')} ${text}`),
    blank: () => line(''),
    get lastStep() {
      return lastStep;
    },
  };
}

/** One line that is rewritten until it is full. */
function drawBar(output: Output, what: string, total: number): Progress {
  return {
    show(done) {
      const filled = Math.round((done / total) * barWidth);
      const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
      output.write(`\r    ${what} ${bar} ${done} of ${total}${done === total ? '\n' : ''}`);
    },
  };
}

/** A line for each quarter: enough to see that it goes on, and a log stays readable. */
function printQuarters(line: (text: string) => void, what: string, total: number): Progress {
  let shown = 0;
  return {
    show(done) {
      const quarter = Math.floor((done / total) * 4);
      if (quarter <= shown) return;
      shown = quarter;
      line(`    ${what} ${done} of ${total} (${Math.floor((done / total) * 100)} %)`);
    },
  };
}

/** The beginning of a text on one line. What steers a terminal is taken out: a journal is not to be trusted with that. */
function excerpt(text: string, { columns = widthWithoutTerminal }: Output): string {
  const oneLine = stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  const width = Math.max(20, columns - labelWidth - 6);
  return oneLine.length <= width ? oneLine : `${oneLine.slice(0, width - 1)}…`;
}

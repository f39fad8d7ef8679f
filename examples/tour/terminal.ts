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
  /** One column of a stored row: its name, its value, what it says. */
  row(name: string, value: string, meaning: string): void;
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

/** Where it goes: standard output, which is a terminal or is not. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

const barLength = 30;
/** Longer lines are hard to read, and a file or a pipe says nothing of its width. */
const widthMax = 110;
const labelWidth = 14;
const valueWidth = 36;

/** Colours and the bar that redraws itself are for terminals; a file or a pipe gets plain lines. */
export function createTerminal(output: Output): Terminal {
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
    fact: (text) => line(wrap(text, '    ', output)),
    quote: (label, text) => line(`    ${paint('dim', label.padEnd(labelWidth))}${excerpt(text, output)}`),
    row: (name, value, meaning) =>
      line(
        `    ${paint('dim', name.padEnd(labelWidth))}${value.padEnd(valueWidth)}  ${paint('dim', meaning)}`,
      ),
    progress: (what, total) =>
      output.isTTY ? drawBar(output, what, total) : printQuarters(line, what, total),
    proven: (text) => line(wrap(text, `    ${paint('green', '✓')} `, output)),
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
      const filled = Math.round((done / total) * barLength);
      const bar = `${'█'.repeat(filled)}${'░'.repeat(barLength - filled)}`;
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

/** Breaks between words. Further lines begin below the text of the first one. */
function wrap(text: string, begin: string, output: Output): string {
  const indent = ' '.repeat(stripVTControlCharacters(begin).length);
  const width = Math.max(20, widthOf(output) - indent.length);
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return `${begin}${lines.join(`\n${indent}`)}`;
}

function widthOf({ columns }: Output): number {
  // Some terminals call themselves zero wide.
  return columns === undefined || columns === 0 ? widthMax : Math.min(columns, widthMax);
}

/** The beginning of a text on one line. What steers a terminal is taken out: a journal is not to be trusted with that. */
function excerpt(text: string, output: Output): string {
  const oneLine = stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  const width = Math.max(20, widthOf(output) - labelWidth - 4);
  return oneLine.length <= width ? oneLine : `${oneLine.slice(0, width - 1)}…`;
}

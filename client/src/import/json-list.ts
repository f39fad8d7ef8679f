/** Reads a JSON document that holds one long list, without ever holding all of it. */
import { AlcoveError } from '../errors.ts';

/** An element of the list, and the line of the document on which it begins. */
export interface Element {
  readonly value: unknown;
  readonly line: number;
}

export interface ListReader {
  /** Sees what stands before the list, with an empty list in its place, before the first element comes. */
  readonly onHead: (head: unknown) => void;
  /** Sees what stands after the list, likewise, and the number of elements. */
  readonly onTail: (tail: unknown, count: number) => void;
}

/**
 * The elements of the first list that is a member of the document's object. Throws `import.damaged`, naming the line,
 * and what the reader throws.
 */
export async function* elementsOf(
  texts: AsyncIterable<string>,
  { onHead, onTail }: ListReader,
): AsyncGenerator<Element, void> {
  const scanner = createScanner();
  let count = 0;
  for await (const text of texts) {
    for (const { piece, json, line } of scanner.scan(text)) {
      if (piece === 'head') onHead(parse(`${json}]}`, line));
      else if (json.trim() !== '') {
        count += 1;
        yield { value: parse(json, line), line };
      }
    }
  }
  const { place, rest, line } = scanner.end();
  if (place !== 'after') throw damaged('ends in the middle', line);
  onTail(parse(`{"list":[]${rest}`, line), count);
}

interface Piece {
  readonly piece: 'head' | 'element';
  readonly json: string;
  readonly line: number;
}

/** Where the scanner is: before the list, in it, or after it. */
type Place = 'before' | 'in' | 'after';

function createScanner() {
  let place: Place = 'before';
  let depth = 0;
  let isInText = false;
  let isEscaped = false;
  let held = '';
  let line = 1;

  function cut(piece: Piece['piece'], json: string): Piece {
    // An element begins where its first character stands, not where the one before it ended.
    const indent = /^\s*/.exec(json)?.[0] ?? '';
    const found = { piece, json, line: piece === 'head' ? 1 : line + linesIn(indent) };
    line += linesIn(json);
    held = '';
    return found;
  }

  /** What ends at this character, if anything does. */
  function step(char: string): Piece['piece'] | undefined {
    if (isInText) {
      if (isEscaped) isEscaped = false;
      else if (char === '\\') isEscaped = true;
      else if (char === '"') isInText = false;
      return undefined;
    }
    if (char === '"') isInText = true;
    else if (char === '{' || char === '[') {
      depth += 1;
      if (place === 'before' && char === '[' && depth === 2) {
        place = 'in';
        return 'head';
      }
    } else if (char === '}' || char === ']') {
      depth -= 1;
      if (place === 'in' && depth === 1) {
        place = 'after';
        return 'element';
      }
    } else if (char === ',' && place === 'in' && depth === 2) return 'element';
    return undefined;
  }

  return {
    *scan(text: string): Generator<Piece, void> {
      let start = 0;
      for (let at = 0; at < text.length; at += 1) {
        const ended = step(text[at] ?? '');
        if (ended === undefined) continue;
        const end = ended === 'head' ? at + 1 : at;
        yield cut(ended, held + text.slice(start, end));
        start = at + 1;
      }
      held += text.slice(start);
    },
    end: () => ({ place, rest: held, line }),
  };
}

function linesIn(text: string): number {
  return text.split('\n').length - 1;
}

function parse(json: string, line: number): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's own message quotes the text, which may be private.
    throw damaged('is no JSON', line);
  }
}

function damaged(what: string, line: number): AlcoveError {
  return new AlcoveError('import.damaged', `The file ${what}, at line ${line}.`);
}

/** How deep a JSON text nests, found out before anybody parses it. */

/** No body of ours comes near it. */
export const jsonDepthMax = 64;

const quote = 0x22;
const backslash = 0x5c;

/**
 * Parsing millions of open brackets takes seconds, in which a thread does nothing else; looking for them takes
 * milliseconds. The text need not be JSON: where it is not, the parser says so.
 */
export function isNestedDeeperThan(depthMax: number, json: string): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    const character = json.charCodeAt(at);
    if (character === quote) at = endOfText(json, at + 1);
    else if (isOpening(character)) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (isClosing(character)) depth -= 1;
  }
  return false;
}

/** Nearly all of a body is texts, and the engine finds a quote ten times as fast as a loop does. */
function endOfText(json: string, from: number): number {
  for (let at = json.indexOf('"', from); at >= 0; at = json.indexOf('"', at + 1))
    if (!isEscaped(json, at)) return at;
  return json.length;
}

/** Behind an odd number of backslashes. */
function isEscaped(json: string, at: number): boolean {
  let before = at - 1;
  while (json.charCodeAt(before) === backslash) before -= 1;
  return (at - before) % 2 === 0;
}

/** `[` and `{`; below, `]` and `}`. */
const isOpening = (character: number) => character === 0x5b || character === 0x7b;
const isClosing = (character: number) => character === 0x5d || character === 0x7d;

/** How deep a JSON text nests, found out before anybody parses it. */

/** No body of ours comes near it. */
export const jsonDepthMax = 64;

const quote = 0x22;
const backslash = 0x5c;

/**
 * Parsing millions of open brackets takes seconds, in which a thread does nothing else; reading their bytes once takes
 * milliseconds. The text need not be JSON: where it is not, the parser says so.
 */
export function isNestedDeeperThan(depthMax: number, json: Uint8Array): boolean {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (isInText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) isInText = false;
    } else if (byte === quote) isInText = true;
    else if (isOpening(byte)) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (isClosing(byte)) depth -= 1;
  }
  return false;
}

/** `[` and `{`; below, `]` and `}`. */
const isOpening = (byte: number | undefined) => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number | undefined) => byte === 0x5d || byte === 0x7d;

/**
 * As much of Structured Fields (RFC 9651) as signatures need: dictionaries whose members are inner lists of strings, or
 * byte sequences. Whatever is written otherwise is no signature of ours, and reads as undefined.
 */

export interface InnerList {
  /** Its items with their own parameters, exactly as they were written. */
  readonly items: readonly { readonly name: string; readonly parameters: string }[];
  readonly parameters: ReadonlyMap<string, string | number>;
  /** The member's value exactly as it was written, which is what the signer signed. */
  readonly text: string;
}

/** For Signature-Input: labels with the components that each signature covers. */
export function parseInnerLists(field: string): ReadonlyMap<string, InnerList> | undefined {
  return parseDictionary(field, innerListShape, (text) => {
    const [, items = '', parameters = ''] = innerListParts.exec(text) ?? [];
    const parsed = parseParameters(parameters);
    return parsed === undefined ? undefined : { items: parseItems(items), parameters: parsed, text };
  });
}

/** For Signature and Content-Digest. */
export function parseByteSequences(field: string): ReadonlyMap<string, Buffer> | undefined {
  return parseDictionary(field, byteSequenceShape, (text) => Buffer.from(text.slice(1, -1), 'base64'));
}

const key = '[a-z*][a-z0-9_.*-]*';
const string = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"`;
const bytes = ':[A-Za-z0-9+/]*={0,2}:';
const bareItem = `(?:-?\\d{1,15}|${string}|${bytes}|\\?[01]|[A-Za-z*][A-Za-z0-9!#$%&'*+.^_\`|~:/-]*)`;
const parameters = `(?: *; *${key}(?:=${bareItem})?)*`;
const items = `(?: *${string}${parameters})*`;

const innerListShape = new RegExp(`\\(${items} *\\)${parameters}`, 'y');
const innerListParts = new RegExp(`^\\((${items}) *\\)(${parameters})$`);
const byteSequenceShape = new RegExp(bytes, 'y');
const itemShape = new RegExp(`(${string})(${parameters})`, 'g');
const parameterShape = new RegExp(`; *(${key})(?:=(${bareItem}))?`, 'g');
const labelShape = new RegExp(`(${key})=`, 'y');
const commaShape = /[ \t]*,[ \t]*/y;

/** A label that comes twice is refused: two readers of one message must not find two meanings. */
function parseDictionary<Value>(
  field: string,
  valueShape: RegExp,
  read: (text: string) => Value | undefined,
): ReadonlyMap<string, Value> | undefined {
  const members = new Map<string, Value>();
  const text = field.trim();
  for (let at = 0; ; ) {
    const label = matchAt(labelShape, text, at);
    const written = label === undefined ? undefined : matchAt(valueShape, text, at + label[0].length);
    const value = written === undefined ? undefined : read(written[0]);
    if (label?.[1] === undefined || written === undefined || value === undefined) return undefined;
    if (members.has(label[1])) return undefined;
    members.set(label[1], value);
    at += label[0].length + written[0].length;
    if (at === text.length) return members;
    const comma = matchAt(commaShape, text, at);
    if (comma === undefined) return undefined;
    at += comma[0].length;
  }
}

function matchAt(shape: RegExp, text: string, at: number): RegExpExecArray | undefined {
  shape.lastIndex = at;
  return shape.exec(text) ?? undefined;
}

function parseItems(text: string): InnerList['items'] {
  return [...text.matchAll(itemShape)].map(([, name = '', itemParameters = '']) => ({
    name: unquote(name),
    parameters: itemParameters,
  }));
}

function parseParameters(text: string): ReadonlyMap<string, string | number> | undefined {
  const parsed = new Map<string, string | number>();
  for (const [, name = '', value = '?1'] of text.matchAll(parameterShape)) {
    if (parsed.has(name)) return undefined;
    parsed.set(name, value.startsWith('"') ? unquote(value) : /^-?\d+$/.test(value) ? Number(value) : value);
  }
  return parsed;
}

const unquote = (text: string) => text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1');

/** Checks what a caller sent against a route's schemas, and says where it is wrong. */
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { invalidRequest } from './errors.ts';

export type Check = (value: unknown) => unknown;

interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

/** More than these help nobody, and an attacker's thousand wrong members would cost as many lines. */
const findingsMax = 20;
/** A name in it is the caller's, and may be as long as the body. */
const pointerLengthMax = 100;

export function createBodyCheck(schema: TSchema): Check {
  const compiled = Compile(schema);
  return (body) => {
    // An absent body is an empty object: routes whose members are all optional can be called without one.
    const value = body === undefined ? {} : body;
    if (!compiled.Check(value)) throw invalid('The body', compiled.Errors(value));
    return value;
  };
}

/** Query and path arrive as text; whole numbers in them are read as such before they are checked. */
export function createTextCheck(schema: TSchema, what: 'The query' | 'The path'): Check {
  const compiled = Compile(schema);
  return (texts) => {
    if (JSON.stringify(texts).includes('\\u0000'))
      throw invalidRequest(`${what} holds the character U+0000.`);
    const value = readIntegers(schema, texts);
    if (!compiled.Check(value)) throw invalid(what, compiled.Errors(value));
    return value;
  };
}

/** Only as people write them: `1.5`, `0x10`, `1e2` and `true` stay texts, which no number may be. */
const decimalInteger = /^(?:0|-?[1-9][0-9]{0,14})$/;

function readIntegers(schema: TSchema, texts: unknown): unknown {
  if (!Type.IsObject(schema) || typeof texts !== 'object' || texts === null) return texts;
  const members = Object.entries(texts).map(([name, text]) => {
    const isNumber = Type.IsInteger(schema.properties[name]) && decimalInteger.test(String(text));
    return [name, isNumber && typeof text === 'string' ? Number(text) : text];
  });
  return Object.fromEntries(members);
}

function invalid(what: string, findings: readonly Finding[]) {
  const errors = [
    ...new Map(
      mergeConstants(findings.filter(isInformative))
        .map(describe)
        .map((e) => [JSON.stringify(e), e]),
    ).values(),
  ];
  const first = errors[0];
  return invalidRequest({
    detail:
      first === undefined
        ? `${what} is not as expected.`
        : `${what}: ${first.pointer || '/'} ${first.detail}.`,
    extensions: { errors: errors.slice(0, findingsMax) },
  });
}

/** For an unknown member two findings arrive, and for a choice one more than there are choices: those that say less go. */
const isInformative = ({ keyword }: Finding, _at: number, all: readonly Finding[]) =>
  keyword !== 'additionalProperties' && (keyword !== 'anyOf' || all.every((one) => one.keyword === 'anyOf'));

/** Of a choice between values each is a finding of its own: together they name all that may be sent. */
function mergeConstants(findings: readonly Finding[]): Finding[] {
  const allowed = new Map<string, unknown[]>();
  for (const { keyword, instancePath, params } of findings) {
    if (keyword !== 'const' || !('allowedValue' in params)) continue;
    allowed.set(instancePath, [...(allowed.get(instancePath) ?? []), params.allowedValue]);
  }
  return findings.map((finding) => {
    const values = finding.keyword === 'const' ? allowed.get(finding.instancePath) : undefined;
    return values === undefined
      ? finding
      : { ...finding, keyword: 'enum', params: { allowedValues: values.join(', ') } };
  });
}

function describe(finding: Finding): { pointer: string; detail: string } {
  const pointer = finding.instancePath.slice(0, pointerLengthMax);
  if (finding.keyword === 'boolean') return { pointer, detail: 'is not a known member' };
  if (finding.keyword === 'required' && 'requiredProperties' in finding.params) {
    return { pointer, detail: `must have ${String(finding.params.requiredProperties)}` };
  }
  if (finding.keyword === 'enum' && 'allowedValues' in finding.params) {
    return { pointer, detail: `must be one of ${String(finding.params.allowedValues)}` };
  }
  return { pointer, detail: finding.message };
}

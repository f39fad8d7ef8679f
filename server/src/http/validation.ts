/** Checks what a caller sent against a route's schemas, and says where it is wrong. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import Value from 'typebox/value';
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

export function createBodyCheck(schema: TSchema): Check {
  const compiled = Compile(schema);
  return (body) => {
    // An absent body is an empty object: routes whose members are all optional can be called without one.
    const value = body ?? {};
    if (!compiled.Check(value)) throw invalid('The body', compiled.Errors(value));
    return value;
  };
}

/** Query and path arrive as text; numbers and booleans in them are read as such before they are checked. */
export function createTextCheck(schema: TSchema, what: 'The query' | 'The path'): Check {
  const compiled = Compile(schema);
  return (texts) => {
    if (JSON.stringify(texts).includes('\\u0000'))
      throw invalidRequest(`${what} holds the character U+0000.`);
    const value = Value.Convert(schema, texts);
    if (!compiled.Check(value)) throw invalid(what, compiled.Errors(value));
    return value;
  };
}

function invalid(what: string, findings: readonly Finding[]) {
  const errors = [
    ...new Map(
      findings
        .filter(isInformative)
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

/** For an unknown member two findings arrive: the one that names it is kept. */
const isInformative = (finding: Finding) => finding.keyword !== 'additionalProperties';

function describe(finding: Finding): { pointer: string; detail: string } {
  const pointer = finding.instancePath;
  if (finding.keyword === 'boolean') return { pointer, detail: 'is not a known member' };
  if (finding.keyword === 'required' && 'requiredProperties' in finding.params) {
    return { pointer, detail: `must have ${String(finding.params.requiredProperties)}` };
  }
  if (finding.keyword === 'enum' && 'allowedValues' in finding.params) {
    return { pointer, detail: `must be one of ${String(finding.params.allowedValues)}` };
  }
  return { pointer, detail: finding.message };
}

/**
 * Renders an OpenAPI 3.1 document as TypeScript: one member of `Operations` for each call, and an interface for each
 * shape that has a name in the contract. Our own, because the usual generator needs the programming interface of
 * TypeScript 5, and a second compiler in the house is worse than this page.
 */
import type { JsonSchema, OpenApiDocument, Operation, Parameter } from './openapi-document.ts';

const json = 'application/json';
const indent = '  ';

/** Shapes by their names; one that several names share is written out where it is used. */
export type Names = Readonly<Record<string, JsonSchema>>;

/** The whole module, without its opening comment. */
export function renderTypes(document: OpenApiDocument, names: Names): string {
  const nameOf = nameShapes(names);
  const used = new Map<string, JsonSchema>();
  const render = (schema: JsonSchema, depth: number) => renderType(schema, depth, findName);
  const findName = (schema: JsonSchema): string | undefined => {
    const name = nameOf.get(shapeOf(schema));
    if (name !== undefined) used.set(name, schema);
    return name;
  };
  const operations = listOperations(document).map(([key, operation]) =>
    renderOperation(key, operation, render),
  );
  const shapes = new Map<string, string>();
  // Rendering a shape may use further ones, so the list grows while it is walked.
  for (const [name, schema] of used) {
    shapes.set(name, `export interface ${name} ${renderObject(schema, 0, findName)}\n`);
  }
  const interfaces = [...shapes].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  return [...interfaces, `export interface Operations {\n${operations.join('')}}\n`].join('\n');
}

function listOperations({ paths }: OpenApiDocument): [key: string, Operation][] {
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    )
    .filter(([, operation]) => !isStream(operation))
    .toSorted(([a], [b]) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** No call that is made and answered. */
function isStream({ responses }: Operation): boolean {
  return Object.values(responses).some(({ content = {} }) => 'text/event-stream' in content);
}

/** By path, then by method. */
function sortKey(key: string): string {
  return key.split(' ').reverse().join(' ');
}

type Render = (schema: JsonSchema, depth: number) => string;
type FindName = (schema: JsonSchema) => string | undefined;

function renderOperation(key: string, operation: Operation, render: Render): string {
  const { parameters = [], requestBody } = operation;
  const body = requestBody?.content[json]?.schema;
  const members = [
    renderParameters('params', 'path', parameters, render),
    renderParameters('query', 'query', parameters, render),
    body === undefined ? '' : line(2, `body: ${render(body, 2)};`),
    line(2, `answer: ${renderAnswer(operation, render)};`),
  ];
  return `${comment(operation.summary, 1)}${line(1, `'${key}': {`)}${members.join('')}${line(1, '};')}`;
}

function renderParameters(
  name: string,
  place: Parameter['in'],
  parameters: readonly Parameter[],
  render: Render,
): string {
  const own = parameters.filter((parameter) => parameter.in === place);
  if (own.length === 0) return '';
  const required = own.some((parameter) => parameter.required);
  const members = own.map((parameter) => {
    const mark = parameter.required ? '' : '?';
    const about = comment(parameter.description, 3);
    return `${about}${line(3, `${parameter.name}${mark}: ${render(parameter.schema, 3)};`)}`;
  });
  return `${line(2, `${name}${required ? '' : '?'}: {`)}${members.join('')}${line(2, '};')}`;
}

/** What a success answers: JSON, nothing, or bytes of another kind. */
function renderAnswer({ responses }: Operation, render: Render): string {
  const [, success] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  const content = Object.entries(success?.content ?? {});
  const schema = success?.content?.[json]?.schema;
  if (schema !== undefined) return render(schema, 2);
  return content.length === 0 ? 'undefined' : 'Blob';
}

function renderType(schema: JsonSchema, depth: number, findName: FindName): string {
  const { anyOf, enum: values, items, type } = schema;
  if ('const' in schema) return literal(schema.const);
  if (values !== undefined) return values.map(literal).join(' | ');
  if (anyOf !== undefined) return anyOf.map((option) => renderType(option, depth, findName)).join(' | ');
  if (type === 'object') return renderObjectOrName(schema, depth, findName);
  if (type === 'array') return arrayOf(items === undefined ? 'unknown' : renderType(items, depth, findName));
  return type === undefined ? 'unknown' : (primitives[type] ?? 'unknown');
}

const primitives: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
};

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

function arrayOf(item: string): string {
  return /^\w+$/.test(item) ? `${item}[]` : `Array<${item}>`;
}

function renderObjectOrName(schema: JsonSchema, depth: number, findName: FindName): string {
  return findName(schema) ?? renderObject(schema, depth, findName);
}

function renderObject(schema: JsonSchema, depth: number, findName: FindName): string {
  const members = Object.entries(schema.properties ?? {});
  const more = moreOf(schema);
  if (members.length === 0) {
    return more === undefined ? '{}' : `Record<string, ${renderType(more, depth, findName)}>`;
  }
  const lines = members.map(([name, member]) => {
    const mark = schema.required?.includes(name) ? '' : '?';
    const key = /^\w+$/.test(name) ? name : `'${name}'`;
    const type = renderType(member, depth + 1, findName);
    return `${comment(member.description, depth + 1)}${line(depth + 1, `${key}${mark}: ${type};`)}`;
  });
  const rest = more === undefined ? '' : line(depth + 1, '[member: string]: unknown;');
  return `{\n${lines.join('')}${rest}${indent.repeat(depth)}}`;
}

/** What members that are not named may be; undefined when there are none that a client should know of. */
function moreOf({ additionalProperties: more, patternProperties }: JsonSchema): JsonSchema | undefined {
  const [pattern] = Object.values(patternProperties ?? {});
  if (pattern !== undefined) return pattern;
  if (typeof more === 'object') return more;
  return more === true ? {} : undefined;
}

/** Each shape that one name stands for, and no other. */
function nameShapes(names: Names): ReadonlyMap<string, string> {
  const objects = Object.entries(names).filter(([, { properties }]) => properties !== undefined);
  const byShape = Map.groupBy(objects, ([, schema]) => shapeOf(schema));
  return new Map(
    [...byShape].flatMap(([shape, [first, ...others]]) =>
      first === undefined || others.length > 0 ? [] : [[shape, first[0]]],
    ),
  );
}

/** The type alone, without names and comments: what decides whether two schemas mean the same shape. */
function shapeOf(schema: JsonSchema): string {
  return renderObject(schema, 0, () => undefined).replaceAll(/\/\*\*.*?\*\//g, '');
}

function comment(text: string | undefined, depth: number): string {
  return text === undefined ? '' : line(depth, `/** ${text.replaceAll('*/', '* /')} */`);
}

function line(depth: number, text: string): string {
  return `${indent.repeat(depth)}${text}\n`;
}

/** The types of the SDK's calls are those that the server describes. */
import * as contract from '@alcove/contract';
import { startTestServer } from '@alcove/server/testing';
import { describe, expect, it } from 'vitest';
import { isRecord } from '../src/wire.ts';
import type { JsonSchema, OpenApiDocument } from './openapi-document.ts';
import { type Names, renderTypes } from './openapi-types.ts';

const command = 'npx vitest run --project unit/pglite client/test/openapi.test.ts -u';
const opening = `/**
 * What every call takes and answers, made from the server's own description (/openapi.json). Do not edit it: after a
 * change of the API run
 *
 *     ${command}
 */
`;

it('client/src/openapi.ts says what the server serves', async () => {
  await using server = await startTestServer();
  const response = await fetch(`${server.url}/openapi.json`);
  const document: OpenApiDocument = await response.json();
  await expect(
    `${opening}\n${renderTypes(document, namedSchemas())}`,
    `The server describes another API than the SDK knows. Run \`${command}\``,
  ).toMatchFileSnapshot('../src/openapi.ts');
});

describe('a schema as a type', () => {
  const typeOf = (answer: JsonSchema) => {
    const responses = { 200: { content: { 'application/json': { schema: answer } } } };
    const text = renderTypes({ paths: { '/x': { get: { responses } } } }, {});
    return /answer: ([\s\S]*);\n {2}\};/.exec(text)?.[1]?.replaceAll(/\s+/g, ' ');
  };

  it.each<[string, JsonSchema]>([
    ['string', { type: 'string' }],
    ['number | null', { anyOf: [{ type: 'integer' }, { type: 'null' }] }],
    ["'a' | 'b'", { enum: ['a', 'b'] }],
    ['true', { type: 'boolean', const: true }],
    ['string[]', { type: 'array', items: { type: 'string' } }],
    ["Array<'a' | 'b'>", { type: 'array', items: { enum: ['a', 'b'] } }],
    ['unknown[]', { type: 'array', items: {} }],
    ['Record<string, number>', { type: 'object', additionalProperties: { type: 'integer' } }],
    ['Record<string, number>', { type: 'object', patternProperties: { '^.*$': { type: 'integer' } } }],
    ['{}', { type: 'object' }],
    ["{ 'odd-name'?: string; }", { type: 'object', properties: { 'odd-name': { type: 'string' } } }],
    [
      '{ kty: string; [member: string]: unknown; }',
      {
        type: 'object',
        properties: { kty: { type: 'string' } },
        required: ['kty'],
        additionalProperties: true,
      },
    ],
  ])('%s', (type, schema) => {
    expect(typeOf(schema)).toBe(type);
  });

  it('has the name that one exported schema gives it, and none where two would', () => {
    const properties = { id: { type: 'string' } };
    const responses = {
      200: { content: { 'application/json': { schema: { type: 'object', properties } } } },
    };
    const document = { paths: { '/x': { get: { responses } } } };
    const shape = { type: 'object', properties };
    expect(renderTypes(document, { Named: shape })).toContain('answer: Named;');
    expect(renderTypes(document, { One: shape, Other: shape })).toContain('answer: {');
  });
});

/** The schemas that the contract exports, by their names. */
function namedSchemas(): Names {
  const schemas = Object.entries(contract).flatMap(([name, value]): [string, JsonSchema][] =>
    isSchema(value) ? [[name, value]] : [],
  );
  return Object.fromEntries(schemas);
}

function isSchema(value: unknown): value is JsonSchema {
  return isRecord(value) && '~kind' in value;
}

/** The types of the SDK's calls are those that the server describes. */
import * as contract from '@alcove/contract';
import { startTestServer } from '@alcove/server/testing';
import { expect, it } from 'vitest';
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
    `The server describes another API than the SDK knows. Run: ${command}`,
  ).toMatchFileSnapshot('../src/openapi.ts');
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

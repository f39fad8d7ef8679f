import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { startTestServer } from '../testing/index.ts';
import { explainFailure } from './explain.ts';

test('another master key is named as the reason, with what to restore, and without a stack', async () => {
  await using server = await startTestServer();
  const other = randomBytes(32).toString('base64url');
  const refusal = await server.restart({ ALCOVE_MASTER_KEY: other }).then(() => 'started', explainFailure);
  expect(refusal).toContain(
    'Is this the master key of these data (ALCOVE_MASTER_KEY, or master.key in the data folder)?',
  );
  expect(refusal).not.toContain('    at ');
  expect(refusal).not.toContain(other);
});

test.each([
  ['EROFS', 'That disk takes no writes (mkdir failed). Point ALCOVE_DATA_DIR to one that does.'],
  ['EPERM', 'This user may not do that (mkdir failed).'],
])('a refusal of the operating system (%s) is a sentence', (code, sentence) => {
  expect(explainFailure(Object.assign(new Error('mkdir failed'), { code }))).toBe(sentence);
});

test('a defect keeps its stack', () => {
  expect(explainFailure(new TypeError('x is undefined'))).toContain('    at ');
});

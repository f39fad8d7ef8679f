import { expect, test } from 'vitest';
import { createBatched } from './index.ts';

/** A source that answers when it is told to, and writes down what it was asked. */
function createSource() {
  const asked: string[][] = [];
  const pending: PromiseWithResolvers<ReadonlyMap<string, string>>[] = [];
  const get = createBatched<string, string>((keys) => {
    asked.push([...keys]);
    const answer = Promise.withResolvers<ReadonlyMap<string, string>>();
    pending.push(answer);
    return answer.promise;
  });
  return {
    asked,
    get,
    answer: (at: number, found: object) => pending[at]?.resolve(new Map(Object.entries(found))),
    pending,
  };
}

test('what is asked while a question is under way goes with the next one, each key once, and is not told the old answer', async () => {
  const { asked, get, answer } = createSource();
  const first = get('a');
  const later = [get('a'), get('b'), get('b')];
  expect(asked).toEqual([['a']]);
  answer(0, { a: 'old' });
  expect(await first).toBe('old');
  await expect.poll(() => asked).toEqual([['a'], ['a', 'b']]);
  answer(1, { b: 'new' });
  expect(await Promise.all(later)).toEqual([undefined, 'new', 'new']);
});

test('a failure is that of those who asked, and the next are asked anew', async () => {
  const { get, answer, pending } = createSource();
  const failed = [get('a')];
  const next = get('b');
  pending[0]?.reject(new Error('away'));
  await expect(Promise.all(failed)).rejects.toThrow('away');
  await expect.poll(() => pending.length).toBe(2);
  answer(1, { b: 'there' });
  expect(await next).toBe('there');
});

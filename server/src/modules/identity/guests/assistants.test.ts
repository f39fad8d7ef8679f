import { expect, test } from 'vitest';
import type { Ctx } from '../../../context.ts';
import { type AssistantFacts, createInitialize, requireOpenToGuests } from './assistants.ts';

const id = '00000000-0000-7000-8000-000000000001';
const tutor = { id, name: 'Tutor', features: ['voice', 'knowledge'], guestAllowed: true, problems: [] };
const broken = { ...tutor, problems: [{ pointer: '/model', detail: 'is not known' }] };

// Nothing here reads the context: the port gets it handed on.
const ctx = {} as Ctx;
const finding = (assistant: AssistantFacts | undefined) => async (_: Ctx, asked: string) =>
  asked === id ? assistant : undefined;

test('an app learns what its assistant is called, what it offers, and whether guests may come', async () => {
  expect(await createInitialize(finding(tutor))(ctx, id)).toEqual({
    assistant: { id, name: 'Tutor' },
    features: ['voice', 'knowledge'],
    guestAllowed: true,
  });
});

test.each([
  ['unknown', undefined, 404, 'assistant.not_found', undefined],
  ['broken', broken, 422, 'assistant.broken', broken.problems],
])('an assistant that is %s is refused with the reason', async (_, assistant, status, code, errors) => {
  const refusal = await createInitialize(finding(assistant))(ctx, id).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ status, code, extensions: errors === undefined ? {} : { errors } });
});

test('guests come in where the assistant takes guests, or where no assistant is named', async () => {
  await expect(requireOpenToGuests(ctx, id, finding(tutor))).resolves.toBeUndefined();
  await expect(requireOpenToGuests(ctx, undefined, finding(undefined))).resolves.toBeUndefined();
  const closed = finding({ ...tutor, guestAllowed: false });
  await expect(requireOpenToGuests(ctx, id, closed)).rejects.toMatchObject({ code: 'guest.not_allowed' });
});

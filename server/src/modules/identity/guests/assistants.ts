/** What a guest comes for. Which assistants there are is not this module's business: it asks, by a port. */
import type { Initialized } from '@alcove/contract/guests';
import type { Ctx } from '../../../context.ts';
import { assistantBroken, assistantNotFound, guestNotAllowed } from './errors.ts';

export interface AssistantFacts {
  readonly id: string;
  readonly name: string;
  readonly features: readonly string[];
  readonly guestAllowed: boolean;
  /** Why it cannot be used as it is set up. */
  readonly problems: readonly { readonly pointer: string; readonly detail: string }[];
}

export type FindAssistant = (ctx: Ctx, id: string) => Promise<AssistantFacts | undefined>;

/** What an app has to know of its assistant before anybody has signed in. */
export function createInitialize(findAssistant: FindAssistant) {
  return async (ctx: Ctx, id: string): Promise<Initialized> => {
    const { name, features, guestAllowed } = await getUsable(ctx, id, findAssistant);
    return { assistant: { id, name }, features: [...features], guestAllowed };
  };
}

export async function requireOpenToGuests(
  ctx: Ctx,
  id: string | undefined,
  findAssistant: FindAssistant,
): Promise<void> {
  if (id === undefined) return;
  const { guestAllowed } = await getUsable(ctx, id, findAssistant);
  if (!guestAllowed) throw guestNotAllowed();
}

async function getUsable(ctx: Ctx, id: string, findAssistant: FindAssistant): Promise<AssistantFacts> {
  const assistant = await findAssistant(ctx, id);
  if (assistant === undefined) throw assistantNotFound();
  const { problems } = assistant;
  if (problems.length > 0) throw assistantBroken({ extensions: { errors: problems } });
  return assistant;
}

/** `/sync/live`: says that there is something to pull. */
import Type, { type Static } from 'typebox';
import { Strict, Timestamp } from './common.ts';

/** Opens one stream, once, in place of the access token that a browser cannot send with it. */
export const LiveTicket = Type.Object({ ticket: Type.String(), expiresAt: Timestamp });
export type LiveTicket = Static<typeof LiveTicket>;

export const LiveQuery = Strict({
  ticket: Type.Optional(
    Type.String({ maxLength: 200, description: 'In place of Authorization; good once.' }),
  ),
});

/**
 * `changed`: the vault's head is at `cursor`. `conflict`: versions stand side by side that did not before. `device`: the
 * devices or their keys changed. `resync`: the vault has another history than before, so a pull begins anew.
 */
export const LiveMessage = Type.Object({
  type: Type.Union([
    Type.Literal('changed'),
    Type.Literal('conflict'),
    Type.Literal('device'),
    Type.Literal('resync'),
  ]),
  cursor: Type.Optional(Type.String()),
});
export type LiveMessage = Static<typeof LiveMessage>;

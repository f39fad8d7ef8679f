/** `/auth/sessions`: where an account is signed in. */
import Type, { type Static } from 'typebox';
import { Nullable } from './common.ts';
import { Device, Session } from './identity.ts';

export const ListedSession = Type.Object({
  ...Session.properties,
  device: Type.Optional(Type.Pick(Device, ['id', 'name', 'platform'])),
});
export type ListedSession = Static<typeof ListedSession>;

export const SessionList = Type.Object({
  data: Type.Array(ListedSession),
  nextCursor: Nullable(Type.String()),
});
export type SessionList = Static<typeof SessionList>;

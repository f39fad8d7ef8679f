/** `/auth/api-keys`, `/auth/token`, `/auth/clients`: what acts for a workspace without being a person. */
import Type, { type Static } from 'typebox';
import { Role, routeScopes } from './access.ts';
import { Moment, Name, Nullable, Strict, Timestamp, Uuid } from './common.ts';

export const KeyScopes = Type.Array(Type.Enum([...routeScopes, '*']), {
  minItems: 1,
  maxItems: 64,
  uniqueItems: true,
  description: '`<module>:read`, `<module>:write`, or `*` for all of them. Writing does not include reading.',
});

/** How the requests of a key have to be signed (RFC 9421), where its secret alone is not enough. */
export const KeySigning = Type.Union([
  Strict({
    algorithm: Type.Literal('ed25519'),
    publicKey: Strict({
      kty: Type.Literal('OKP'),
      crv: Type.Literal('Ed25519'),
      x: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
    }),
  }),
  Strict({ algorithm: Type.Literal('hmac-sha256') }),
]);
export type KeySigning = Static<typeof KeySigning>;

export const ApiKeyRequest = Strict({
  name: Name(),
  scopes: KeyScopes,
  expiresAt: Type.Optional(Moment),
  signing: Type.Optional(KeySigning),
});
export type ApiKeyRequest = Static<typeof ApiKeyRequest>;

const apiKey = {
  id: Uuid,
  name: Type.String(),
  prefix: Type.String({ description: 'How the key begins; it tells nothing of the secret.' }),
  scopes: Type.Array(Type.String()),
  signing: Nullable(
    Type.Object({ algorithm: Type.Union([Type.Literal('ed25519'), Type.Literal('hmac-sha256')]) }),
  ),
  createdAt: Timestamp,
  expiresAt: Nullable(Timestamp),
};

export const ApiKey = Type.Object({
  ...apiKey,
  hint: Type.String({ description: 'Its last four characters.' }),
  createdBy: Nullable(Uuid),
  lastUsedAt: Nullable(
    Type.String({ format: 'date-time', description: 'To the minute, and up to a minute late.' }),
  ),
  previousSecretExpiresAt: Nullable(Timestamp),
});
export type ApiKey = Static<typeof ApiKey>;

export const ApiKeyList = Type.Object({ data: Type.Array(ApiKey), nextCursor: Nullable(Type.String()) });
export type ApiKeyList = Static<typeof ApiKeyList>;

export const ApiKeyWithSecret = Type.Object({
  ...apiKey,
  secret: Type.String({ description: 'The whole key. It is shown this once.' }),
  signingSecret: Type.Optional(
    Type.String({ description: 'With hmac-sha256: 32 bytes to sign with. They are shown this once.' }),
  ),
  previousSecretExpiresAt: Nullable(Timestamp),
});
export type ApiKeyWithSecret = Static<typeof ApiKeyWithSecret>;

/** A week: long enough to change a secret everywhere, short enough that the old one does not stay for ever. */
export const overlapSecondsMax = 604_800;

export const RotateKeyRequest = Strict({
  overlapSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: overlapSecondsMax,
      description: 'How long the old secret still works; 0, so not at all, unless given.',
    }),
  ),
});

export const KeyTokenRequest = Strict({
  scopes: Type.Optional(KeyScopes),
  ttlSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 3600 })),
});
export type KeyTokenRequest = Static<typeof KeyTokenRequest>;

export const KeyToken = Type.Object({
  accessToken: Type.String(),
  tokenType: Type.Literal('Bearer'),
  expiresInSeconds: Type.Integer(),
  scopes: Type.Array(Type.String()),
});
export type KeyToken = Static<typeof KeyToken>;

export const Clients = Type.Object({
  data: Type.Array(Type.Object({ id: Uuid, name: Type.String(), role: Role })),
  nextCursor: Type.Null(),
});
export type Clients = Static<typeof Clients>;

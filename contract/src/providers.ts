/** `/auth/providers`: a workspace's own keys for outside services. They go in and never come out. */
import Type, { type Static } from 'typebox';
import { Nullable, Strict, Timestamp } from './common.ts';

/** What a service is used for: writing (`llm`) or speaking (`tts`). */
export const ProviderKind = Type.Enum(['llm', 'tts']);
export type ProviderKind = Static<typeof ProviderKind>;

/** Which services are known for what. */
export const LlmProvider = Type.Enum(['openai', 'anthropic', 'gemini', 'openai-compatible']);
export const TtsProvider = Type.Enum(['openai', 'elevenlabs', 'cartesia', 'openai-compatible']);

/** Nothing secret belongs here: settings are shown. */
export const ProviderSettings = Strict({
  baseUrl: Type.Optional(
    Type.String({
      maxLength: 500,
      pattern: '^https?://[^\\s/?#@]+(/[^\\s?#]*)?$',
      description: "Where the service answers, when not at its own address. Needed for 'openai-compatible'.",
    }),
  ),
  organization: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  project: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  voice: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
});
export type ProviderSettings = Static<typeof ProviderSettings>;

const ProviderSecret = Type.String({
  pattern: '^[\\x21-\\x7e]{16,2048}$',
  description: 'The key: 16 to 2048 visible ASCII characters.',
});

const key = { apiKey: ProviderSecret, settings: Type.Optional(ProviderSettings) };
export const SetLlmProviderRequest = Strict({ provider: LlmProvider, ...key });
export const SetTtsProviderRequest = Strict({ provider: TtsProvider, ...key });
export type SetProviderRequest = Static<typeof SetLlmProviderRequest> | Static<typeof SetTtsProviderRequest>;

export const Provider = Type.Object({
  kind: ProviderKind,
  provider: Type.String(),
  hint: Type.String({ description: 'The last four characters of the key.' }),
  settings: ProviderSettings,
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Provider = Static<typeof Provider>;

export const ProviderList = Type.Object({ data: Type.Array(Provider), nextCursor: Nullable(Type.String()) });
export type ProviderList = Static<typeof ProviderList>;

/** Who may do what: the roles of members in a workspace, and the scopes of its API keys. */
import Type, { type Static } from 'typebox';

/** From the least to the most: each may do what those before it may. */
export const roles = ['viewer', 'member', 'admin', 'owner'] as const;

export const Role = Type.Enum(['viewer', 'member', 'admin', 'owner'], {
  description:
    'viewer reads; member also changes content; admin also manages members, keys and settings; owner also deletes the workspace.',
});
export type Role = Static<typeof Role>;

export function isRoleAtLeast(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}

/** The modules that a scope can name. */
export const scopeModules = [
  'identity',
  'workspaces',
  'audit',
  'sync',
  'documents',
  'files',
  'llm',
  'embeddings',
  'speech',
  'knowledge',
  'assistants',
  'voice',
  'billing',
  'webhooks',
  'analytics',
] as const;
export type ScopeModule = (typeof scopeModules)[number];

/** What one route asks of a key. */
export type RouteScope = `${ScopeModule}:${'read' | 'write'}`;
/** What a key may be given: `*` is every scope. */
export type Scope = RouteScope | '*';

export const allScope = '*';

export const routeScopes: readonly RouteScope[] = scopeModules.flatMap((name) => [
  `${name}:read` as const,
  `${name}:write` as const,
]);

export function isScope(text: string): text is Scope {
  return text === allScope || routeScopes.some((scope) => scope === text);
}

/** Whether a key with these scopes may call a route that asks for `needed`. Writing does not include reading. */
export function hasScope(scopes: readonly string[], needed: RouteScope): boolean {
  return scopes.includes(allScope) || scopes.includes(needed);
}

/** What crosses the wire, declared once. Each subject can also be imported alone, as `@alcove/contract/clock`. */
export * from './access.ts';
export * from './account.ts';
export * from './api-keys.ts';
export * from './audit.ts';
export * from './base64url.ts';
export * from './clock.ts';
export * from './common.ts';
export * from './guests.ts';
export * from './hybrid-time.ts';
export * from './identity.ts';
export * from './keys.ts';
export * from './limits.ts';
export * from './providers.ts';
export * from './service.ts';
export * from './sessions.ts';
export * from './sync.ts';
export * from './workspaces.ts';

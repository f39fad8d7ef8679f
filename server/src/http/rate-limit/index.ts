export type { Limiter } from './limiter.ts';
export { createRequestLimiter } from './request-limiter.ts';

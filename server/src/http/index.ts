export { type Health, healthRoutes } from './health.ts';
export { createHttp, type Http, type HttpOptions } from './http.ts';
export { createIdempotency, type Idempotency, idempotencySealedColumn } from './idempotency.ts';
export { createRequestLimiter, type Limiter } from './rate-limit/index.ts';
export {
  type Access,
  type Handler,
  type Head,
  type Input,
  JsonText,
  Reply,
  type Route,
  route,
} from './route.ts';
export { createSignatures, type Signatures } from './signatures/index.ts';

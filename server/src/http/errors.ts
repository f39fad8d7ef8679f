import { failure } from '../platform/errors/index.ts';

export const invalidRequest = failure(
  'request.invalid',
  400,
  'The request does not have the expected shape.',
);
export const malformedJson = failure('request.malformed_json', 400, 'The body is not JSON.');
export const bodyTooLarge = failure(
  'request.body_too_large',
  413,
  'The body is larger than this route accepts.',
);
export const unsupportedMediaType = failure(
  'request.unsupported_media_type',
  415,
  'The body must be application/json.',
);
export const unsupportedContentCoding = failure(
  'request.unsupported_content_coding',
  415,
  'The body must come as it is, without a Content-Encoding.',
);
export const malformedRequest = failure('request.malformed', 400, 'The request could not be read.');
export const notFound = failure('request.not_found', 404, 'There is nothing here.');
export const methodNotAllowed = failure(
  'request.method_not_allowed',
  405,
  'This path does not take that method.',
);
export const invalidIdempotencyKey = failure(
  'idempotency.invalid_key',
  400,
  'The Idempotency-Key is not usable.',
);
export const unauthenticated = failure('auth.unauthenticated', 401, 'This call needs a valid access token.');
export const deviceRequired = failure(
  'auth.device_required',
  403,
  'This call has to come from a device of the account.',
);
export const accountRequired = failure(
  'auth.account_required',
  403,
  'This call takes an account; an API key may not make it.',
);
export const keyRequired = failure('auth.key_required', 403, 'This call takes an API key.');
export const scopeMissing = failure('auth.scope_missing', 403, 'The API key lacks a scope.');
export const workspaceNotFound = failure('workspace.not_found', 404, 'There is no such workspace.');
export const forbidden = failure('auth.forbidden', 403, 'This caller may not do that.');
export const notReady = failure(
  'service.not_ready',
  503,
  'The service does not take requests at this moment.',
);
export const internal = failure('internal.error', 500, 'Something went wrong on our side.');
export const idempotencyKeyReused = failure(
  'idempotency.key_reused',
  422,
  'This Idempotency-Key was used for another request.',
);
export const idempotentRequestRunning = failure(
  'idempotency.running',
  409,
  'The first request with this Idempotency-Key is still running.',
);

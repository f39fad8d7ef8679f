/** The one place that turns an error into a response (RFC 9457). */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Failure } from '../platform/errors/index.ts';
import type { Logger } from '../platform/telemetry/index.ts';
import { BodyBrokenOff } from './body.ts';
import * as errors from './errors.ts';

const mediaType = 'application/problem+json; charset=utf-8';

export function sendProblem(request: FastifyRequest, reply: FastifyReply, failure: Failure): FastifyReply {
  return reply
    .code(failure.status)
    .headers(failure.headers)
    .type(mediaType)
    .send(problemOf(failure, request.id));
}

export function problemOf({ status, code, title, message, extensions }: Failure, requestId: string): string {
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail: message,
    code,
    requestId,
    ...extensions,
  });
}

/**
 * What a thrown value means to the caller. A defect is logged whole and answered with nothing but its request id; of a
 * failure of ours the log keeps what the caller does not hear.
 */
export function toFailure(error: unknown, log: Logger): Failure {
  if (error instanceof Failure) {
    if (error.status >= 500 && !error.isLogged) log.warn({ err: error }, 'a request could not be served');
    return error;
  }
  if (error instanceof BodyBrokenOff) {
    log.debug({ err: error }, 'a caller left before its body had arrived');
    return errors.malformedRequest('The body broke off.');
  }
  const known = isFastifyError(error) ? edgeFailures[error.code]?.(error) : undefined;
  if (known !== undefined) return known;
  if (isFastifyError(error) && error.statusCode !== undefined && error.statusCode < 500) {
    return errors.malformedRequest(`The request was refused before it was read (${error.code}).`);
  }
  log.error({ err: error }, 'a request failed');
  return errors.internal('The fault is ours and has been logged. Quote the requestId when you report it.');
}

const edgeFailures: Readonly<Record<string, (error: FastifyError) => Failure>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    errors.unsupportedMediaType('Send the body as Content-Type: application/json.'),
  FST_ERR_CTP_INVALID_JSON_BODY: () =>
    errors.malformedJson('The body is not valid JSON, or holds a __proto__ member.'),
};

function isFastifyError(error: unknown): error is FastifyError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('FST_')
  );
}

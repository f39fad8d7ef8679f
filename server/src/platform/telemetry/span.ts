import { type Attributes, type Span, SpanStatusCode, trace } from '@opentelemetry/api';

/**
 * Runs `work` inside a span. Without an OpenTelemetry SDK in the process this costs next to nothing.
 * Of an error only its name is recorded: messages may hold what a person wrote.
 */
export function withSpan<T>(
  name: string,
  work: (span: Span) => Promise<T>,
  attributes: Attributes = {},
): Promise<T> {
  return trace.getTracer('alcove').startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: error instanceof Error ? error.name : 'unknown',
      });
      throw error;
    } finally {
      span.end();
    }
  });
}

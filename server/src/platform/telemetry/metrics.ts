import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The process's figures, in a registry of their own so that two servers in one process do not share them. */
export interface Metrics {
  /** Seconds until the answer was sent. `route` is the template, never the path: paths carry ids and have no bound. */
  observeRequest(request: { method: string; route: string; status: number; seconds: number }): void;
  /** A figure that is read when somebody asks. */
  gauge(name: string, help: string, read: () => number): void;
  /** A figure that only grows. */
  counter<Label extends string>(name: string, help: string, labels: readonly Label[]): Counter<Label>;
  /** The Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
}

const requestSecondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'alcove_http_request_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: requestSecondsBuckets,
    registers: [registry],
  });
  return {
    observeRequest: ({ method, route, status, seconds }) =>
      requests.observe({ method, route, status }, seconds),
    gauge: (name, help, read) =>
      void new Gauge({ name, help, registers: [registry], collect: collector(read) }),
    counter: (name, help, labels) =>
      new Counter({ name, help, labelNames: [...labels], registers: [registry] }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function collector(read: () => number) {
  return function collect(this: Gauge): void {
    this.set(read());
  };
}

/** The routes at the root that say what this is and how it is. */
import {
  type ComponentHealth,
  Health as HealthBody,
  HealthDetailed,
  Readiness,
  ServiceRoot,
} from '@alcove/contract/service';
import type { Logger } from '../platform/telemetry/index.ts';
import { notReady } from './errors.ts';
import { type Route, route } from './route.ts';

export interface Health {
  readonly version: string;
  readonly publicUrl: string;
  readonly uptimeSeconds: () => number;
  /** Why the service is not ready; empty when it is. */
  readonly notReadyReasons: () => readonly string[];
  /** Each asks its component something small and throws when the answer does not come. A text that it answers is shown. */
  readonly probes: Readonly<Record<string, Probe>>;
}

export type Probe = () => Promise<unknown>;

const probeTimeoutMs = 3000;

export function healthRoutes(health: Health): Route[] {
  const common = {
    method: 'GET',
    tag: 'service',
    caller: 'anyone',
    rate: 'read',
    idempotency: 'none',
  } as const;
  const { version, uptimeSeconds } = health;
  const ready = () => {
    const reasons = health.notReadyReasons();
    if (reasons.length > 0)
      throw notReady({ detail: `Not ready: ${reasons.join(', ')}.`, extensions: { reasons } });
    return { status: 'ready' } as const;
  };
  return [
    route(
      {
        ...common,
        path: '/',
        summary: 'What this is',
        success: { status: 200, body: ServiceRoot, description: 'The service.' },
      },
      () =>
        ({
          name: 'alcove',
          version,
          status: 'ok',
          docsUrl: `${health.publicUrl}/docs`,
          consoleUrl: null,
        }) as const,
    ),
    route(
      {
        ...common,
        path: '/health',
        summary: 'Is it up',
        success: { status: 200, body: HealthBody, description: 'It is.' },
      },
      () => ({ status: 'ok', version, uptimeSeconds: uptimeSeconds() }) as const,
    ),
    route(
      {
        ...common,
        path: '/healthz',
        summary: 'Liveness',
        success: { status: 200, body: HealthBody, description: 'Alive.' },
      },
      () => ({ status: 'ok', version, uptimeSeconds: uptimeSeconds() }) as const,
    ),
    route(
      {
        ...common,
        path: '/readyz',
        summary: 'Readiness',
        description: '503 with reasons while starting, migrating or draining.',
        success: { status: 200, body: Readiness, description: 'Ready.' },
      },
      ready,
    ),
    route(
      {
        ...common,
        path: '/health/detailed',
        caller: 'watcher',
        summary: 'How each component is',
        success: { status: 200, body: HealthDetailed, description: 'Every component with its latency.' },
      },
      async ({ log }) => {
        const components = await probeAll(health.probes, log);
        const failed = Object.values(components).some(({ status }) => status === 'failed');
        return {
          status: failed ? 'failed' : 'ok',
          version,
          uptimeSeconds: uptimeSeconds(),
          components,
        } as const;
      },
    ),
  ];
}

async function probeAll(probes: Health['probes'], log: Logger): Promise<Record<string, ComponentHealth>> {
  const results = await Promise.all(
    Object.entries(probes).map(
      async ([name, probe]) => [name, await probeOne(probe, log.child({ component: name }))] as const,
    ),
  );
  return Object.fromEntries(results);
}

async function probeOne(probe: Probe, log: Logger): Promise<ComponentHealth> {
  const startedAt = performance.now();
  const latencyMs = () => Math.round((performance.now() - startedAt) * 100) / 100;
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('timeout')), probeTimeoutMs);
  try {
    const detail = await Promise.race([probe(), timeout]);
    return { status: 'ok', latencyMs: latencyMs(), ...(typeof detail === 'string' ? { detail } : {}) };
  } catch (error) {
    log.warn({ err: error }, 'a component failed its probe');
    const detail =
      error instanceof Error && error.message === 'timeout'
        ? `no answer in ${probeTimeoutMs} ms`
        : 'failed; the log says more';
    return { status: 'failed', latencyMs: latencyMs(), detail };
  } finally {
    clearTimeout(timer);
  }
}

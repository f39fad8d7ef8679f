/** The routes at the root: what this service is, and how it is. */
import Type, { type Static } from 'typebox';
import { Nullable } from './common.ts';

export const ServiceRoot = Type.Object({
  name: Type.Literal('alcove'),
  version: Type.String(),
  status: Type.String(),
  docsUrl: Type.String(),
  consoleUrl: Nullable(Type.String()),
});
export type ServiceRoot = Static<typeof ServiceRoot>;

export const Health = Type.Object({
  status: Type.Literal('ok'),
  version: Type.String(),
  uptimeSeconds: Type.Integer(),
});

export const ComponentHealth = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('failed')]),
  latencyMs: Type.Number(),
  detail: Type.Optional(Type.String()),
});
export type ComponentHealth = Static<typeof ComponentHealth>;

export const HealthDetailed = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('failed')]),
  version: Type.String(),
  uptimeSeconds: Type.Integer(),
  components: Type.Record(Type.String(), ComponentHealth),
});
export type HealthDetailed = Static<typeof HealthDetailed>;

export const Readiness = Type.Object({ status: Type.Literal('ready') });

/**
 * Which request with an Idempotency-Key ran already, and what was answered. Answers are encrypted: they may hold a secret
 * that is shown once. Rows name a caller and no tenant, so there is no fence.
 */
export const up: readonly string[] = [
  `create table idempotent_request (
    actor text not null,
    method text not null,
    route text not null,
    key text not null,
    fingerprint bytea not null,
    fence uuid not null,
    leased_until timestamptz,
    answer bytea,
    expires_at timestamptz not null,
    primary key (actor, method, route, key),
    check ((leased_until is null) = (answer is not null))
  )`,
  `create unique index idempotent_request_fence on idempotent_request (fence)`,
  `create index idempotent_request_expires on idempotent_request (expires_at)`,
  `grant select, update on idempotent_request to alcove_app`,
];

export const down: readonly string[] = [`drop table idempotent_request`];

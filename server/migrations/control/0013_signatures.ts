/**
 * Signed requests: the shared secrets that some API keys sign with, sealed, and the nonces that were used, each of which is
 * good once. Nonces name a key and no tenant, so there is no fence.
 */
export const up: readonly string[] = [
  `alter table api_key add column signing_secret bytea`,
  `create table signature_nonce (
    key_id uuid not null,
    nonce text not null check (length(nonce) between 8 and 128),
    expires_at timestamptz not null,
    primary key (key_id, nonce)
  )`,
  `create index signature_nonce_expires on signature_nonce (expires_at)`,
];

export const down: readonly string[] = [
  `drop table signature_nonce`,
  `alter table api_key drop column signing_secret`,
];

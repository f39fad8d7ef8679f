/** The nonces of signed requests, each of which is good once. Rows name a key and no tenant, so there is no fence. */
export const up: readonly string[] = [
  `create table signature_nonce (
    key_id uuid not null,
    nonce text not null check (length(nonce) between 8 and 128),
    expires_at timestamptz not null,
    primary key (key_id, nonce)
  )`,
  `create index signature_nonce_expires on signature_nonce (expires_at)`,
];

export const down: readonly string[] = [`drop table signature_nonce`];

/**
 * Adding another service to an account that there is. A link code stands for who agreed there, and for no account: whose
 * it becomes is said by the session that brings it.
 */
export const up: readonly string[] = [
  `alter table oauth_flow add column purpose text not null default 'sign-in' check (purpose in ('sign-in', 'link'))`,
  `create table oauth_link_code (
    hash bytea primary key,
    provider text not null,
    subject text not null,
    email text,
    code_challenge text not null,
    expires_at timestamptz not null
  )`,
  `create index oauth_link_code_expires on oauth_link_code (expires_at)`,
  `create unique index oauth_identity_of_account on oauth_identity (account_id, provider)`,
];

export const down: readonly string[] = [
  `drop index oauth_identity_of_account`,
  `drop table oauth_link_code`,
  `delete from oauth_flow where purpose = 'link'`,
  `alter table oauth_flow drop column purpose`,
];

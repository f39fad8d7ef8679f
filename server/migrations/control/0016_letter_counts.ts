/**
 * How many letters went to a mailbox that somebody else may have caused. Of the address only a keyed hash is kept, and no
 * row says who wrote, so there is no fence.
 */
export const up: readonly string[] = [
  `create table letter_count (
    recipient_hash bytea primary key,
    letters integer not null,
    since timestamptz not null
  )`,
  `create index letter_count_since on letter_count (since)`,
  `grant select, insert, update on letter_count to alcove_app`,
];

export const down: readonly string[] = [`drop table letter_count`];

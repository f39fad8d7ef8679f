/**
 * What hangs on an entry goes with it by a word of whoever writes its deletion: with a trigger on the table, SQLite keeps
 * the pages of each row that is written aside, so that it could be taken back alone.
 */
export const up: readonly string[] = [`DROP TRIGGER entry_embeddings_of_deleted`];

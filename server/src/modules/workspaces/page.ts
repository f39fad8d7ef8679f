export interface PageQuery {
  readonly cursor?: string;
  readonly limit?: number;
}

const limitDefault = 50;

/** Reads one row more than asked for, which tells whether there is another page. */
export async function readPage<Row, Item>(
  { cursor, limit = limitDefault }: PageQuery,
  read: (page: { after: string | undefined; limit: number }) => Promise<readonly Row[]>,
  { render, idOf }: { render: (row: Row) => Item; idOf: (row: Row) => string },
): Promise<{ data: Item[]; nextCursor: string | null }> {
  const rows = await read({ after: cursor, limit: limit + 1 });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map(render),
    nextCursor: rows.length > limit && last !== undefined ? idOf(last) : null,
  };
}

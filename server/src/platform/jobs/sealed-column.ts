/** Where tasks keep what nobody may read in the queue: as the member `sealed` of their data, in base64url. */
export const taskSealedColumn = { table: 'jobs.job', key: 'id', column: 'data', member: 'sealed' };

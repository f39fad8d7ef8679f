/** Work that happens by the clock or after a request, on the control database: once, also with several nodes. */
export { createJobs, type InTransaction, type Job, type Jobs, type Task } from './jobs.ts';
export { taskSealedColumn } from './sealed-column.ts';

/** What happened, written down in the transaction in which it happened, for whoever listens later. */
export { createEvents, type Events, type NewEvent } from './events.ts';

export { createBatched } from './batched.ts';
export { BoundedMap } from './bounded-map.ts';

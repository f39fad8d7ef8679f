import { integer } from './kinds.ts';

/** The streams that tell devices of changes. */
export const liveSettings = {
  liveStreamsMax: integer({
    name: 'ALCOVE_LIMIT_LIVE_STREAMS',
    what: 'Streams that are open on this node at once; each takes a file descriptor.',
    min: 1,
    max: 1_000_000,
    fallback: 10_000,
  }),
  liveStreamsPerAccountMax: integer({
    name: 'ALCOVE_LIMIT_LIVE_STREAMS_PER_ACCOUNT',
    what: 'Those of them that one account may have.',
    min: 1,
    max: 100_000,
    fallback: 50,
  }),
  liveHeartbeatMs: integer({
    name: 'ALCOVE_LIMIT_LIVE_SILENCE_MS',
    what: 'Milliseconds of silence on a stream after which the service looks whether its reader is still there. Keep it below what proxies in between allow.',
    min: 100,
    max: 600_000,
    fallback: 15_000,
  }),
} as const;

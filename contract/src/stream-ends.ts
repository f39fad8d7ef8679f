/** Why the server ended a stream, with the code that a WebSocket closes with. An event stream names it in its event `end`. */
export const streamEndCodes = {
  /** There is no more to come. */
  done: 1000,
  /** The service stops or restarts. */
  draining: 1001,
  /** The client sent something; these streams go one way. */
  misused: 1008,
  /** The source of the stream broke. */
  failed: 1011,
  /** The access token that opened it has expired: come back with a new one. */
  expired: 4401,
  /** The session was ended, or its device revoked. */
  ended: 4403,
} as const;

export type StreamEnd = keyof typeof streamEndCodes;

export { noWebSocket } from './errors.ts';
export {
  createOpenStreams,
  type OpenStreams,
  type StreamLimits,
  type StreamSessions,
} from './open-streams.ts';
export { addStreamEndpoint } from './stream-endpoint.ts';
export { messageBytesMax } from './web-socket.ts';

import { failure } from '../../platform/errors/index.ts';

export const tooManyStreams = failure('live.too_many', 429, 'As many streams are open as may be.');
export const notAStream = failure(
  'live.not_acceptable',
  406,
  'This is a stream: open a WebSocket, or accept text/event-stream.',
);
export const originRefused = failure(
  'live.origin_refused',
  403,
  'Pages of this origin may not open a WebSocket here.',
);
export const noWebSocket = failure('live.no_web_socket', 400, 'This path is no WebSocket.');

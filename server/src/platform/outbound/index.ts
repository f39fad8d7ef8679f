export {
  OutboundError,
  type OutboundReason,
  type OutboundRequest,
  type OutboundResponse,
  request,
} from './request.ts';

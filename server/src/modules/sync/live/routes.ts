import { LiveMessage, LiveQuery, LiveTicket } from '@alcove/contract/live';
import type { Ctx, DeviceActor } from '../../../context.ts';
import { EventStream, type Route, route, type StreamEvent } from '../../../http/route.ts';
import type { SyncService } from '../service.ts';
import type { Live } from './live.ts';
import type { Tickets } from './tickets.ts';

export function liveRoutes(parts: {
  readonly live: Live;
  readonly tickets: Tickets;
  readonly sync: Pick<SyncService, 'head'>;
}): Route[] {
  const { live, tickets, sync } = parts;
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/sync/live/ticket',
        tag: 'sync',
        summary: 'Get a ticket for the live channel',
        description: 'Opens one stream within a minute, as the device that asked for it.',
        caller: 'device',
        rate: 'write',
        idempotency: 'transaction',
        success: { status: 201, body: LiveTicket, description: 'Shown once.' },
      },
      (ctx) => tickets.issue(ctx),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/sync/live',
        tag: 'sync',
        summary: 'Listen for changes',
        description:
          'A WebSocket, or with `Accept: text/event-stream` server-sent events, which tell when there is something to ' +
          'pull, and never what. The first message holds the present cursor. A device hears of its own changes as well. ' +
          'WebSockets close with 4401 when the access token expires, 4403 when the session ends, 1001 when the service ' +
          'stops; server-sent events end with an event `end` and its `reason`: `expired`, `ended`, `draining`.',
        caller: 'device',
        ticket: true,
        rate: 'read',
        idempotency: 'none',
        query: LiveQuery,
        success: { status: 200, events: LiveMessage, description: 'One message each time.' },
      },
      async (ctx, { lastEventId }) => {
        // What makes the vault unreadable is said before the stream begins.
        await sync.head(ctx);
        return new EventStream((signal) => toEvents(ctx, live, lastEventId, signal));
      },
    ),
  ];
}

async function* toEvents(
  ctx: Ctx<DeviceActor>,
  live: Live,
  lastEventId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  for await (const message of live.follow(ctx, lastEventId, signal))
    yield { event: message.type, id: message.cursor, data: message };
}

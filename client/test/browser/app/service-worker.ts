/** Syncs without a page: when a page asks for it, and when the browser finds a network again. */
import { createClient } from '@alcove/client';
import { indexedDbStorage } from '@alcove/client/browser';

interface Order {
  readonly url: string;
  readonly name: string;
}

/** As much of a service worker's world as is used here: the types of the DOM are those of a page. */
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

async function sync({ url, name }: Order) {
  await using client = await createClient({ url, storage: indexedDbStorage(name) });
  return await client.vault.sync();
}

const until = (event: Event, work: Promise<unknown>) => (event as ExtendableEvent).waitUntil(work);

addEventListener('message', (event) => {
  until(
    event,
    sync(event.data).then(
      (result) => event.ports[0]?.postMessage(result),
      (error: unknown) => event.ports[0]?.postMessage({ error: String(error) }),
    ),
  );
});
addEventListener('sync', (event) => {
  if ('tag' in event) until(event, sync(JSON.parse(String(event.tag))));
});

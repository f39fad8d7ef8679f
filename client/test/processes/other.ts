/** Another program on the same store: puts what it is told to, and says what it hears of. A line in, a line out. */
import { createInterface } from 'node:readline';
import { createClient } from '@alcove/client';
import { sqliteStorage } from '@alcove/client/node';

const [url = '', file = ''] = process.argv.slice(2);
const client = await createClient({ url, storage: sqliteStorage(file) });
const say = (line: unknown) => console.log(JSON.stringify(line));

for await (const line of createInterface({ input: process.stdin })) {
  const [command, value] = line.split(' ');
  if (command === 'listen') client.vault.on('change', ({ id, origin }) => say({ heard: id, origin }));
  if (command === 'put') say(await client.vault.put({ kind: 'entry', value }));
  if (command === 'sync') say(await client.vault.sync());
  if (command === 'listen') say({ isListening: true });
}
await client.close();

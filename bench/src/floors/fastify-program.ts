/** Run as a process of its own by `fastify.ts`: routes that do nothing but take the same bodies and send the same pages. */
import Fastify from 'fastify';

process.once('message', async (page: Uint8Array) => {
  const app = Fastify({ bodyLimit: 4 * 1024 * 1024 });
  app.post<{ Body: { changes: unknown[] } }>('/push', async ({ body }) => ({ taken: body.changes.length }));
  const bytes = Buffer.from(page);
  app.get('/pull', async (_request, reply) => reply.type('application/json; charset=utf-8').send(bytes));
  process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }));
});
process.once('disconnect', () => process.exit());

/**
 * The pages that the links in letters open, for as long as no app serves its own (ALCOVE_APP_URL). The code stands behind
 * the #, so only the page itself reads it, and nothing is done before a person presses the button: whoever opens links to
 * see what is behind them uses up no code.
 */
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

const folder = new URL('../../pages/', import.meta.url);
const files: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/verify-email': { file: 'verify-email.html', type: 'text/html; charset=utf-8' },
  '/reset-password': { file: 'reset-password.html', type: 'text/html; charset=utf-8' },
  '/accept-invitation': { file: 'accept-invitation.html', type: 'text/html; charset=utf-8' },
  '/pages/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/pages/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
};
/** What they are made of comes from here, they talk to nobody else, and no form leaves them by itself. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Answers their paths. */
export async function addPages(scope: FastifyInstance): Promise<string[]> {
  for (const [path, { file, type }] of Object.entries(files)) {
    const content = await readFile(new URL(file, folder));
    scope.get(path, { schema: { hide: true } }, async (_request, reply) =>
      reply.header('Content-Security-Policy', policy).type(type).send(content),
    );
  }
  return Object.keys(files);
}

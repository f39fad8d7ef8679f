import { formatPace, type Pace, plural } from '../figures.ts';
import type { Stage } from '../stage.ts';
import type { Findings } from './inspection.ts';
import type { TourServer } from './server.ts';

export interface Results {
  readonly imported: Pace;
  readonly sent: Pace;
  readonly received: Pace;
  /** Undefined where the server's files could not be read. */
  readonly findings: Findings | undefined;
}

/** What was shown, in one screen. Only called when all of it held. */
export function summarise({ terminal }: Stage, server: TourServer, results: Results): void {
  const { imported, sent, received, findings } = results;
  terminal.title('Done: everything held.');
  terminal.quote(
    'journal',
    `${plural(imported.count, 'entry', 'entries')}, equal on both devices byte for byte`,
  );
  terminal.quote('imported', formatPace(imported));
  terminal.quote('sent', formatPace(sent));
  terminal.quote('received', formatPace(received));
  terminal.quote('conflict', 'kept with both texts, resolved, gone on both');
  terminal.quote(
    'server sees',
    findings === undefined ? 'not examined: its files are elsewhere' : describe(findings),
  );
  terminal.quote('phone', 'revoked and refused');
  terminal.quote('left behind', whatIsLeft(server));
}

function describe({ words, keys }: Findings): string {
  return `0 of ${plural(words, 'long word', 'long words')}, 0 of ${plural(keys, 'key', 'keys')}`;
}

function whatIsLeft({ isTemporary, url, dataDir }: TourServer): string {
  if (isTemporary) return 'nothing: the server and its data folder go now';
  return dataDir === undefined ? `an anonymous account at ${url}` : `an anonymous account in ${dataDir}`;
}

import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/** A file of an archive: its text, or where its bytes come from while they are sent. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content: string | AsyncIterable<string>;
  readonly isCompressible?: boolean;
}

/** A ZIP archive that is written while it is read, so that its size never lies in memory. */
export function createArchive(entries: readonly ArchiveEntry[], at: Date): Readable {
  const zip = new ZipFile();
  const output = Readable.from(zip.outputStream);
  const sources: Readable[] = [];
  zip.on('error', (error: Error) => output.destroy(error));
  // Whoever leaves in the middle leaves readers behind that nobody would end.
  output.on('close', () => {
    for (const source of sources) source.destroy();
  });
  for (const { name, content, isCompressible = true } of entries) {
    const options = { mtime: at, compress: isCompressible };
    if (typeof content === 'string') {
      zip.addBuffer(Buffer.from(content), name, options);
      continue;
    }
    const source = Readable.from(content, { objectMode: false });
    sources.push(source);
    zip.addReadStream(source, name, options);
  }
  zip.end();
  return output;
}

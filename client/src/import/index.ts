/** `@alcove/client/import`: from files into a vault. */
export type { ByteSource } from '../bytes.ts';
export { importDayOne } from './day-one.ts';
export type { EntryOptions, ImportedEntry } from './entry.ts';
export { importBundle, importJson } from './json.ts';
export { importMarkdown, type MarkdownFile } from './markdown.ts';
export type { ImportOptions, ImportResult, ImportTarget, Skipped } from './write.ts';

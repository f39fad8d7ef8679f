import type { Setting } from './kinds.ts';
import { settingsTable } from './table.ts';

/** The text of `.env.example`: every setting with what it is for, each commented out at its default. */
export function exampleFile(): string {
  return `${[head, ...Object.values(settingsTable).map(describe)].join('\n\n')}\n`;
}

const head = [
  '# Settings of Alcove. Every one has a default that works: copy this file to .env and change what you need.',
  '# What is set in the real environment wins over the file.',
  '# This file is what `npx alcove settings --example` prints.',
].join('\n');

function describe({ name, what, fallbackText = '' }: Setting<unknown>): string {
  return [...wrap(what).map((line) => `# ${line}`), `#${name}=${fallbackText}`].join('\n');
}

function wrap(words: string): string[] {
  return words.match(/\S.{0,96}\S(?=\s|$)/g) ?? [];
}

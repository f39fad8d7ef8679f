/** What a source file reaches for: static and dynamic imports, re-exports, and files named for a worker thread. */
export function findImports(source: string): string[] {
  const code = withoutComments(source);
  return [
    ...new Set(forms.flatMap((form) => [...code.matchAll(form)].map(([, specifier = '']) => specifier))),
  ];
}

const quoted = `['"]([^'"\\n]+)['"]`;
const forms = [
  new RegExp(`^\\s*(?:import|export)\\b[^'"\`;]*?\\bfrom\\s*${quoted}`, 'gm'),
  new RegExp(`^\\s*import\\s*${quoted}`, 'gm'),
  new RegExp(`\\bimport\\s*\\(\\s*${quoted}`, 'g'),
  new RegExp(`\\bnew URL\\(\\s*${quoted}\\s*,\\s*import\\.meta\\.url`, 'g'),
];

/**
 * The source with its comments blanked out. Texts are stepped over as a whole, so that `'https://…'` does not count
 * as the beginning of a comment.
 */
export function withoutComments(source: string): string {
  return source.replace(textOrComment, (found) => (isComment(found) ? ' ' : found));
}

const textOrComment =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

function isComment(found: string): boolean {
  return found.startsWith('/*') || found.startsWith('//');
}

/** One word after `alcove`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What may follow the name, for example `status|up|down`. */
  readonly operands: readonly Operand[];
  readonly options: Readonly<Record<string, Option>>;
  /** Whatever else its help should say. */
  readonly details: string;
  /** Answers the exit code. */
  run(given: Given): Promise<number>;
}

export interface Operand {
  readonly name: string;
  readonly choices: Readonly<Record<string, string>>;
}

export interface Option {
  readonly what: string;
  /** How the help names its value; an option without one is a switch. */
  readonly value?: string;
}

/** What was given on the command line, checked against the command. */
export interface Given {
  readonly operands: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly switches: ReadonlySet<string>;
}

/** The command line was not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return [
    'Alcove: the self-hosted backend for private AI apps.',
    '',
    'alcove <command> [options]',
    '',
    ...lines,
    `  ${'help'.padEnd(12)}Explain a command: alcove help migrate, or alcove migrate --help.`,
    '',
    'alcove --version prints the version.',
  ].join('\n');
}

export function usage(commands: readonly Command[]): string {
  return `Try \`alcove help\`, or \`alcove help <${commands.map(({ name }) => name).join('|')}>\`.`;
}

export function commandHelp({ name, summary, operands, options, details }: Command): string {
  const choices = operands.flatMap((operand) => Object.entries(operand.choices));
  const described = Object.entries({ ...options, help: { what: 'Show this.' } }).map(
    ([option, { what, ...rest }]) => [`--${option}${'value' in rest ? ` ${rest.value}` : ''}`, what],
  );
  return [
    `alcove ${name}${operands.map((operand) => ` <${Object.keys(operand.choices).join('|')}>`).join('')} [options]`,
    '',
    summary,
    ...(details === '' ? [] : ['', details]),
    '',
    ...[...choices, ...described].map(([word = '', what = '']) => `  ${word.padEnd(18)}${what}`),
  ].join('\n');
}

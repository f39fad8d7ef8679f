import { parseArgs } from 'node:util';
import { findNearest } from '../platform/config/index.ts';
import { type Command, type Given, type Operand, UsageError } from './command.ts';

/** Reads what follows the command's name. Throws a `UsageError` with the nearest word for whatever is not known. */
export function parseArguments(command: Command, args: readonly string[]): Given {
  const { tokens } = parseArgs({ args: [...args], options: optionsOf(command), strict: false, tokens: true });
  const values: Record<string, string> = {};
  const switches = new Set<string>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    if (getOption(command, token.name, token.rawName).value === undefined) {
      switches.add(withoutValue(token.rawName, token.name, token.value));
    } else values[token.name] = withValue(token.rawName, token.value);
  }
  checkOperands(command, operands);
  return { operands, values, switches };
}

function optionsOf(command: Command) {
  return Object.fromEntries(
    Object.entries(command.options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
}

function getOption(command: Command, name: string, rawName: string) {
  const option = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (option !== undefined) return option;
  const known = [...Object.keys(command.options), 'help'];
  const nearest = findNearest(name, known);
  const hint =
    nearest === undefined
      ? `It knows ${known.map((word) => `--${word}`).join(', ')}.`
      : `Did you mean --${nearest}?`;
  throw new UsageError(`\`alcove ${command.name}\` has no option ${rawName}. ${hint}`);
}

function withValue(rawName: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw new UsageError(`The option ${rawName} needs a value.`);
}

function withoutValue(rawName: string, name: string, value: string | undefined): string {
  if (value === undefined) return name;
  throw new UsageError(`The option ${rawName} takes no value.`);
}

function checkOperands(command: Command, given: readonly string[]): void {
  for (const [index, operand] of command.operands.entries()) checkOperand(command, operand, given[index]);
  const extra = given[command.operands.length];
  if (extra !== undefined)
    throw new UsageError(
      `\`alcove ${command.name}\` does not know what to do with ${JSON.stringify(extra)}.`,
    );
}

function checkOperand(command: Command, { name, choices }: Operand, given: string | undefined): void {
  if (given !== undefined && Object.hasOwn(choices, given)) return;
  const known = Object.keys(choices);
  if (given === undefined)
    throw new UsageError(`\`alcove ${command.name}\` needs ${name}: ${known.join(', ')}.`);
  const nearest = findNearest(given, known);
  const hint = nearest === undefined ? `There are ${known.join(', ')}.` : `Did you mean ${nearest}?`;
  throw new UsageError(`\`alcove ${command.name}\` knows no ${name} ${JSON.stringify(given)}. ${hint}`);
}

import type { Setting } from './kinds.ts';
import { findNearest } from './nearest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that is wrong with the settings, at once: nobody wants to find the second mistake on the second start. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'One setting needs' : `${problems.length} settings need`;
    const lines = problems.map((problem) => `  - ${problem}`).join('\n');
    super(
      `${count} attention:\n${lines}\nEvery setting is explained by \`npx alcove settings\` and in .env.example.`,
    );
    this.problems = problems;
  }
}

/** The value of one setting. An empty text counts as not set. Wrong texts are for `checkSettings` to refuse. */
export function readSetting<T>(setting: Setting<T>, env: Environment): T {
  const text = textOf(setting, env);
  return (text === undefined ? undefined : setting.parse(text)) ?? setting.fallback;
}

/** Throws one `SettingsError` that lists wrong texts, groups that are set half-way, and names of ours that do not exist. */
export function checkSettings(settings: readonly Setting<unknown>[], env: Environment): void {
  const problems = [
    ...wrongTexts(settings, env),
    ...halfSetGroups(settings, env),
    ...unknownNames(settings, env),
  ];
  if (problems.length > 0) throw new SettingsError(problems);
}

function wrongTexts(settings: readonly Setting<unknown>[], env: Environment): string[] {
  return settings.flatMap((setting) => {
    const text = textOf(setting, env);
    if (text === undefined || setting.parse(text) !== undefined) return [];
    const came = setting.secret
      ? 'what is set is not that (it is not shown here)'
      : `got ${JSON.stringify(text)}`;
    return [`${setting.name}: expected ${setting.expected}; ${came}.`];
  });
}

function halfSetGroups(settings: readonly Setting<unknown>[], env: Environment): string[] {
  const grouped = settings.filter(({ group }) => group !== undefined);
  return [...Map.groupBy(grouped, ({ group }) => group).values()].flatMap((members) => {
    const missing = members.filter((setting) => textOf(setting, env) === undefined);
    if (missing.length === 0 || missing.length === members.length) return [];
    return [
      `${namesOf(members)} go together, but ${namesOf(missing)} ${missing.length === 1 ? 'is' : 'are'} not set.`,
    ];
  });
}

function unknownNames(settings: readonly Setting<unknown>[], env: Environment): string[] {
  const known = settings.map(({ name }) => name);
  return Object.keys(env)
    .filter((name) => name.startsWith('ALCOVE_') && !known.includes(name))
    .map((name) => {
      const nearest = findNearest(name, known);
      return `${name} is not a setting.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`;
    });
}

function textOf({ name }: Setting<unknown>, env: Environment): string | undefined {
  const text = env[name]?.trim();
  return text === '' ? undefined : text;
}

function namesOf(settings: readonly Setting<unknown>[]): string {
  return settings.map(({ name }) => name).join(', ');
}

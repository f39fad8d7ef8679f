import { isTest, type Place, type Zone } from './zones.ts';

/**
 * Who may import whom: `main → app → (http, modules) → context → platform`, and across workspaces only what stands
 * here. Every zone may import itself; modules and platform parts have their own rules below.
 */
const direction: Readonly<Record<Zone, readonly Zone[]>> = {
  // `alcove tour` starts the example as a program of its own.
  cli: ['main', 'app', 'platform', 'version', 'examples'],
  main: ['app', 'platform', 'version'],
  app: ['http', 'module', 'context', 'platform', 'version', 'migrations'],
  http: ['context', 'platform', 'contract'],
  module: ['module', 'http', 'context', 'platform', 'contract'],
  context: ['platform'],
  platform: ['platform'],
  version: [],
  migrations: [],
  testing: ['main', 'app', 'http', 'module', 'context', 'platform', 'migrations', 'contract', 'client'],
  contract: [],
  client: ['contract'],
  examples: ['client', 'contract'],
  bench: ['main', 'app', 'platform', 'migrations', 'testing', 'client', 'contract'],
};

/** Which modules a module stands on. It may import these, and what they stand on, by their doors. */
const modules: Readonly<Record<string, readonly string[]>> = {
  audit: [],
  identity: ['audit'],
  workspaces: ['identity'],
  billing: ['workspaces'],
  sync: ['identity', 'billing'],
  documents: ['workspaces'],
  files: ['billing'],
  llm: ['billing'],
  embeddings: ['billing'],
  speech: ['billing'],
  knowledge: ['files', 'documents', 'embeddings'],
  assistants: ['llm', 'knowledge', 'files'],
  voice: ['assistants', 'speech'],
  webhooks: [],
  analytics: [],
};

/** The rule that an import breaks, as the end of a sentence; undefined when it breaks none. */
export function findBrokenRule(from: Place, to: Place): string | undefined {
  if (isTest(from.path)) return undefined;
  if (isTest(to.path)) return 'only tests import tests';
  if (to.zone === 'testing' && from.zone !== 'testing' && from.zone !== 'bench')
    return 'only tests import testing/';
  if (from.zone === to.zone && from.name === to.name) return undefined;
  if (!direction[from.zone].includes(to.zone)) return directionOf(from);
  if (from.zone === 'module' && to.zone === 'http') return routeRule(to);
  return (
    doorRule(to) ??
    (from.zone === 'module' && to.zone === 'module' ? orderRule(from.name, to.name) : undefined)
  );
}

function directionOf({ zone }: Place): string {
  const allowed = direction[zone];
  return allowed.length === 0
    ? `${zone} imports nothing else of ours`
    : `${zone} may import only ${allowed.join(', ')}`;
}

function routeRule(to: Place): string | undefined {
  return to.path === 'server/src/http/route.ts'
    ? undefined
    : 'of http, modules may import only http/route.ts';
}

/** Testing and the command line stand above everything; parts with a name of their own have one door for all others. */
function doorRule(to: Place): string | undefined {
  if (to.zone !== 'module' && to.zone !== 'platform') return undefined;
  return to.path.endsWith(`/${to.name}/index.ts`) ? undefined : `the only door of ${to.name} is its index.ts`;
}

function orderRule(from: string, to: string): string | undefined {
  const allowed = standsOn(from);
  if (allowed.has(to)) return undefined;
  const known = allowed.size === 0 ? 'no other module' : `only ${[...allowed].sort().join(', ')}`;
  return `in the order of modules ${from} stands on ${known}; announce an event instead`;
}

function standsOn(module: string): Set<string> {
  const direct = modules[module] ?? [];
  return new Set(direct.flatMap((name) => [name, ...standsOn(name)]));
}

/** Why a file may not be where it is; undefined when it may. */
export function findMisplacement(place: Place | undefined): string | undefined {
  if (place === undefined) return 'has no place in the plan of the house';
  if (place.zone !== 'module' || Object.hasOwn(modules, place.name)) return undefined;
  return `belongs to ${place.name}, which is not in the table of modules`;
}

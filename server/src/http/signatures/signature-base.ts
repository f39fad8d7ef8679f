/** The text that a signature is over (RFC 9421, section 2.5), and the components that it is made of. */
import type { InnerList } from './structured-fields.ts';

/** What is known of a request before its body is read. */
export interface SignedRequest {
  readonly method: string;
  /** The whole address as its sender knows it. */
  readonly targetUri: string;
  /** Fields by their lower-case names; several of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Undefined when a component is not there, is unknown or comes twice. */
export function signatureBase(request: SignedRequest, covered: InnerList): string | undefined {
  const lines: string[] = [];
  const names = new Set<string>();
  for (const { name, parameters } of covered.items) {
    const value = parameters === '' ? componentOf(request, name) : undefined;
    if (value === undefined || names.has(name)) return undefined;
    names.add(name);
    lines.push(`"${name}": ${value}`);
  }
  return [...lines, `"@signature-params": ${covered.text}`].join('\n');
}

function componentOf(request: SignedRequest, name: string): string | undefined {
  return name.startsWith('@') ? derived[name]?.(request) : fieldOf(request, name);
}

const derived: Readonly<Record<string, (request: SignedRequest) => string>> = {
  '@method': ({ method }) => method,
  '@target-uri': ({ targetUri }) => targetUri,
  '@authority': ({ targetUri }) => new URL(targetUri).host,
  '@scheme': ({ targetUri }) => new URL(targetUri).protocol.slice(0, -1),
  '@request-target': ({ targetUri }) => targetOf(new URL(targetUri)),
  '@path': ({ targetUri }) => new URL(targetUri).pathname,
  '@query': ({ targetUri }) => new URL(targetUri).search || '?',
};

const targetOf = ({ pathname, search }: URL) => `${pathname}${search}`;

/** Names of fields are signed in lower case; another spelling would be another text for the same field. */
export function fieldOf({ headers }: SignedRequest, name: string): string | undefined {
  if (name !== name.toLowerCase() || !Object.hasOwn(headers, name)) return undefined;
  const value = headers[name];
  return typeof value === 'string' ? value.trim() : value?.map((line) => line.trim()).join(', ');
}

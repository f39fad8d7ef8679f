/** The operations that a running service says it has, from its OpenAPI document. */
export interface Operation {
  readonly method: string;
  /** Without `/api/v1`, with parameters as `{id}`. */
  readonly path: string;
  readonly callers: readonly string[];
  readonly bodySchema: Schema | undefined;
}

/** As much of JSON Schema as the descriptions of our bodies use. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Description>>>>;
}

interface Description {
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}

const base = '/api/v1';

export async function readOperations(url: string): Promise<Operation[]> {
  const response = await fetch(`${url}/openapi.json`);
  const document: Document = JSON.parse(await response.text());
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    path.startsWith(base)
      ? Object.entries(methods).map(([method, head]) => operationOf(method, path, head))
      : [],
  );
}

function operationOf(method: string, path: string, { security = [], requestBody }: Description): Operation {
  return {
    method: method.toUpperCase(),
    path: path.slice(base.length),
    callers: security.flatMap((scheme) => Object.keys(scheme)),
    bodySchema: requestBody?.content?.['application/json']?.schema,
  };
}

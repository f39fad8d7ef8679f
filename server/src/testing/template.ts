/**
 * A data folder (and, on PostgreSQL, a database) that went through a first start once. Tests copy it, because making an
 * embedded database takes seconds and copying one takes a moment.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createApp } from '../app.ts';
import { systemClock } from '../platform/clock/index.ts';
import { parseSettings } from '../platform/config/index.ts';
import { createLogger } from '../platform/telemetry/index.ts';

/** Names the template to the processes that run the tests. */
export const templateVariable = 'ALCOVE_TEST_TEMPLATE';

interface Template {
  readonly dataDir: string;
  readonly database: string | undefined;
}

/** Makes the template for the whole run, on `serverUrl` when one is given; called once, before the tests. */
export async function createTemplate(serverUrl: string | undefined): Promise<Template> {
  const dataDir = await mkdtemp(join(tmpdir(), 'alcove-template-'));
  const database = serverUrl === undefined ? undefined : await createDatabase(serverUrl);
  const settings = parseSettings({
    ALCOVE_DATA_DIR: dataDir,
    PORT: '0',
    ...(database === undefined ? {} : { DATABASE_URL: database }),
  });
  const app = await createApp(settings, { clock: systemClock, log: createLogger({ level: 'silent' }) });
  await app[Symbol.asyncDispose]();
  return { dataDir, database };
}

export async function removeTemplate({ dataDir, database }: Template): Promise<void> {
  if (database !== undefined) await dropDatabase(database);
  await rm(dataDir, { recursive: true, force: true });
}

/** A copy of the template for one server, made now; without a template, an empty folder. */
export async function copyTemplate(): Promise<Template> {
  const dataDir = await mkdtemp(join(tmpdir(), 'alcove-test-'));
  const text = process.env[templateVariable];
  if (text === undefined) return { dataDir, database: undefined };
  const template: Template = JSON.parse(text);
  await cp(template.dataDir, dataDir, { recursive: true });
  const database =
    template.database === undefined
      ? undefined
      : await createDatabase(template.database, nameOf(template.database));
  return { dataDir, database };
}

async function createDatabase(serverUrl: string, template?: string): Promise<string> {
  const name = `alcove_test_${randomBytes(6).toString('hex')}`;
  const from = template === undefined ? '' : ` template "${template}"`;
  await execute(withDatabase(serverUrl, 'postgres'), `create database "${name}"${from}`);
  return withDatabase(serverUrl, name);
}

export async function dropDatabase(url: string): Promise<void> {
  await execute(withDatabase(url, 'postgres'), `drop database if exists "${nameOf(url)}" with (force)`);
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

const nameOf = (url: string) => new URL(url).pathname.slice(1);

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

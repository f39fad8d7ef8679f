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
export const templateVariable = 'TEST_TEMPLATE';

interface Template {
  readonly dataDir: string;
  readonly database: string | undefined;
  /** Where databases are made and dropped, as a superuser. */
  readonly serverUrl: string | undefined;
}

/** Makes the template for the whole run, on `serverUrl` when one is given; called once, before the tests. */
export async function createTemplate(serverUrl: string | undefined): Promise<Template> {
  const dataDir = await mkdtemp(join(tmpdir(), 'alcove-template-'));
  const database = serverUrl === undefined ? undefined : await createOwnedDatabase(serverUrl);
  const settings = parseSettings({
    ALCOVE_DATA_DIR: dataDir,
    PORT: '0',
    ...(database === undefined ? {} : { DATABASE_URL: database }),
  });
  const app = await createApp(settings, { clock: systemClock, log: createLogger({ level: 'silent' }) });
  await app[Symbol.asyncDispose]();
  return { dataDir, database, serverUrl };
}

export async function removeTemplate({ dataDir, database, serverUrl }: Template): Promise<void> {
  if (database !== undefined && serverUrl !== undefined) {
    await dropDatabase(serverUrl, database);
    await execute(serverUrl, `drop role if exists "${new URL(database).username}"`);
  }
  await rm(dataDir, { recursive: true, force: true });
}

export interface Copy {
  readonly dataDir: string;
  /** Undefined when the control database is embedded in the folder. */
  readonly database: string | undefined;
  remove(): Promise<void>;
}

/** A copy of the template for one server; without a template, an empty folder. */
export async function copyTemplate(): Promise<Copy> {
  const dataDir = await mkdtemp(join(tmpdir(), 'alcove-test-'));
  const removeFolder = () => rm(dataDir, { recursive: true, force: true });
  const text = process.env[templateVariable];
  if (text === undefined) return { dataDir, database: undefined, remove: removeFolder };
  const template: Template = JSON.parse(text);
  await cp(template.dataDir, dataDir, { recursive: true });
  const { serverUrl } = template;
  if (template.database === undefined || serverUrl === undefined) {
    return { dataDir, database: undefined, remove: removeFolder };
  }
  const database = await cloneDatabase(serverUrl, template.database);
  return {
    dataDir,
    database,
    async remove() {
      await dropDatabase(serverUrl, database);
      await removeFolder();
    },
  };
}

/**
 * A database whose owner is an ordinary role, as in a careful operator's cluster: a superuser would slip past the fences
 * that the tests are to meet.
 */
async function createOwnedDatabase(serverUrl: string): Promise<string> {
  const role = randomName();
  await execute(
    serverUrl,
    `do $$ begin create role alcove_app nologin; exception when duplicate_object then null; end $$`,
  );
  await execute(serverUrl, `create role "${role}" login password '${role}' in role alcove_app`);
  const name = randomName();
  await execute(serverUrl, `create database "${name}" owner "${role}"`);
  const owned = new URL(withDatabase(serverUrl, name));
  owned.username = role;
  owned.password = role;
  return owned.href;
}

async function cloneDatabase(serverUrl: string, template: string): Promise<string> {
  const name = randomName();
  const owner = new URL(template).username;
  await execute(serverUrl, `create database "${name}" template "${nameOf(template)}" owner "${owner}"`);
  return withDatabase(template, name);
}

const randomName = () => `alcove_test_${randomBytes(6).toString('hex')}`;

async function dropDatabase(serverUrl: string, url: string): Promise<void> {
  await execute(serverUrl, `drop database if exists "${nameOf(url)}" with (force)`);
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

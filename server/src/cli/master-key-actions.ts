import { join } from 'node:path';
import { masterKeySource, sealedColumns } from '../app.ts';
import { systemClock } from '../platform/clock/index.ts';
import { type Environment, parseSettings, readEnvironment, type Settings } from '../platform/config/index.ts';
import {
  createEnvelope,
  createMasterKeyText,
  isWrapped,
  keyIdInCiphertext,
  type MasterKey,
  type MasterKeySource,
  type MasterKeys,
  openMasterKeys,
  readMasterKeyTexts,
  type Secret,
  SecretFileError,
  writeMasterKeyTexts,
} from '../platform/crypto/index.ts';
import { countByKey, createDatabase, type Database, resealColumn } from '../platform/database/index.ts';
import { lockDataFolder, refuseLostControl } from '../platform/lock/index.ts';

type Report = (line: string) => void;

/** Wraps every data key by the first master key. In a file, it makes that key first and drops the others in the end. */
export async function rotateMasterKey(parts: {
  readonly report: Report;
  readonly env?: Environment;
  /** Called after each batch that was committed. */
  readonly onBatch?: () => void;
}): Promise<void> {
  const { report, env = process.env, onBatch } = parts;
  const settings = parseSettings(readEnvironment(process.cwd(), env));
  const source = masterKeySource(settings);
  await using _lock = lockIfNeeded(settings);
  if (settings.database.kind === 'embedded') refuseLostControl(settings.dataDir);
  const texts = await chooseKeys(source, report);
  const keys = await openMasterKeys(texts, source.wrapper);
  await using database = await openDatabase(settings);
  await reseal(database, keys, { report, onBatch });
  if (source.setting === undefined) writeMasterKeyTexts(source.dataDir, texts.slice(0, 1));
  report(
    source.setting === undefined
      ? `Done. The key is now ${nameOf(keys[0])}; a backup from before needs the key from before.`
      : `Done. Leave only the first key, ${nameOf(keys[0])}, in ALCOVE_MASTER_KEY.`,
  );
}

export async function printMasterKey(report: Report, env: Environment = process.env): Promise<void> {
  const { wrapper } = masterKeySource(parseSettings(readEnvironment(process.cwd(), env)));
  report((await createMasterKeyText(wrapper)).reveal());
}

export async function showMasterKeys(report: Report, env: Environment = process.env): Promise<void> {
  const settings = parseSettings(readEnvironment(process.cwd(), env));
  const source = masterKeySource(settings);
  await using _lock = lockIfNeeded(settings);
  if (settings.database.kind === 'embedded') refuseLostControl(settings.dataDir);
  const texts = requireTexts(source);
  const keys = await openMasterKeys(texts, source.wrapper);
  for (const [at, key] of keys.entries()) report(describeKey(key, texts[at], at));
  await using database = await openDatabase(settings);
  for (const column of sealedColumns) {
    for (const [key, count] of await countByKey(database, column, keyIdInCiphertext))
      report(`${column.table}.${column.column}  ${count} under ${key}`);
  }
}

/** The file, and the embedded database, belong to one process at a time. */
function lockIfNeeded({ masterKey, database, dataDir }: Settings): AsyncDisposable | undefined {
  if (masterKey !== undefined && database.kind === 'postgres') return undefined;
  return lockDataFolder(dataDir, systemClock);
}

function openDatabase({ database, dataDir }: Settings): Promise<Database> {
  return createDatabase({
    url: database.kind === 'postgres' ? database.url.reveal() : undefined,
    directory: join(dataDir, 'control'),
    onError: (error) => console.error(`The connection to PostgreSQL failed: ${String(error)}`),
  });
}

/**
 * The keys for this rotation, the one to wrap by in front. In a file both are written down before the first row changes:
 * whatever happens then, each row is under a key that is kept.
 */
async function chooseKeys(source: MasterKeySource, report: Report): Promise<readonly Secret[]> {
  const held = requireTexts(source);
  if (held.length > 1) {
    if (source.setting === undefined) report('An earlier rotation was cut off; it goes on.');
    return held;
  }
  if (source.setting !== undefined) throw new SecretFileError(oneKeyInSetting);
  const texts = [await createMasterKeyText(source.wrapper), ...held];
  writeMasterKeyTexts(source.dataDir, texts);
  return texts;
}

const oneKeyInSetting =
  'ALCOVE_MASTER_KEY holds one key, so there is nothing to rotate to. `alcove master-key create` prints a new one; `alcove help master-key` says in which order to set them.';

function requireTexts(source: MasterKeySource): readonly Secret[] {
  const texts = readMasterKeyTexts(source);
  if (texts !== undefined) return texts;
  throw new SecretFileError(`There is no master key in ${source.dataDir} yet; the first start makes it.`);
}

async function reseal(
  database: Database,
  keys: MasterKeys,
  { report, onBatch }: { readonly report: Report; readonly onBatch: (() => void) | undefined },
): Promise<void> {
  const { rewrap } = createEnvelope(keys);
  const [{ id: keyId }] = keys;
  for (const column of sealedColumns) {
    const count = await resealColumn(database, column, { keyId, mark: keyIdInCiphertext, rewrap, onBatch });
    report(`${column.table}.${column.column}  ${count} wrapped again`);
  }
}

const nameOf = ({ id }: MasterKey) => id.toString('hex');

function describeKey(key: MasterKey, text: Secret | undefined, at: number): string {
  const kept = text !== undefined && isWrapped(text) ? 'wrapped by AWS KMS' : 'in the clear';
  return `key ${nameOf(key)}, ${kept}, ${at === 0 ? 'encrypts and decrypts' : 'only decrypts'}`;
}

/** The tour: two devices of one person, one journal, and a server that cannot read it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlcoveError } from '@alcove/client';
import { help, readCommandLine } from './command-line.ts';
import { TourFailure } from './failure.ts';
import { plural } from './figures.ts';
import { type Journal, readJournal } from './journal/index.ts';
import { readEnvironment } from './server.ts';
import type { Stage } from './stage.ts';
import { openDevice, pairPhone, registerLaptop, revokePhone } from './steps/devices.ts';
import { chooseWords, inspectServer } from './steps/inspection.ts';
import { importJournal, receiveJournal, sendJournal } from './steps/journal.ts';
import { editOffline, syncAgain } from './steps/offline.ts';
import { openServer } from './steps/server.ts';
import { summarise } from './steps/summary.ts';
import { createTerminal, type Terminal } from './terminal.ts';

async function tour(stage: Stage, journal: Journal): Promise<void> {
  const server = await openServer(stage, readEnvironment(process.cwd(), process.env));
  const words = await chooseWords(journal, server);

  const laptop = await openDevice(stage, { name: 'laptop', platform: 'linux' }, server.url);
  await registerLaptop(stage, laptop);
  const imported = await importJournal(stage, laptop, journal);
  const sent = await sendJournal(stage, laptop);

  const phone = await openDevice(stage, { name: 'phone', platform: 'android' }, server.url);
  await pairPhone(stage, laptop, phone);
  const received = await receiveJournal(stage, phone, journal);

  const edits = await editOffline(stage, laptop, phone, journal);
  await syncAgain(stage, laptop, phone, edits);

  const findings = await inspectServer(stage, server, journal, words, [laptop, phone]);
  await revokePhone(stage, laptop, phone);
  summarise(stage, server, { imported, sent, received, findings });
}

async function run(args: readonly string[]): Promise<number> {
  const invocation = readCommandLine(args);
  switch (invocation.kind) {
    case 'help':
      console.log(help);
      return 0;
    case 'misunderstood':
      console.error(`${invocation.reason}\nTry \`npm run tour -- --help\`.`);
      return 2;
    case 'tour':
      return giveTour(invocation.journalPath);
  }
}

/** Sets the stage and clears it again, whether the tour ends well, badly or by Ctrl-C. Answers the exit code. */
async function giveTour(journalPath: string): Promise<number> {
  const terminal = createTerminal(process.stdout);
  const interrupt = listenForInterrupt();
  await using opened = new AsyncDisposableStack();
  try {
    const journal = await readJournal(journalPath);
    const folder = await mkdtemp(join(tmpdir(), 'alcove-tour-'));
    opened.defer(() => rm(folder, { recursive: true, force: true }));
    terminal.title(
      `Alcove: ${journal.name}, ${plural(journal.entries.length, 'entry', 'entries')}, on two devices`,
    );
    const stage = { terminal, folder, opened, signal: interrupt.signal };
    await Promise.race([tour(stage, journal), interrupt.happened]);
    return 0;
  } catch (error) {
    console.error(`\n${explain(error, terminal)}`);
    return error instanceof Interrupted ? 130 : 1;
  }
}

class Interrupted extends Error {
  override readonly message = 'Interrupted: the tour clears up and ends.';
}

/** Only the first Ctrl-C is kind; the second ends the process at once. */
function listenForInterrupt() {
  const controller = new AbortController();
  const { promise: happened, reject } = Promise.withResolvers<never>();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      controller.abort();
      reject(new Interrupted());
    });
  }
  return { signal: controller.signal, happened };
}

/** What a person can do something about gets a sentence; only a defect gets its stack. */
function explain(error: unknown, { lastStep }: Terminal): string {
  const where = lastStep === undefined ? '' : `The tour stopped at step ${lastStep}: `;
  if (error instanceof Interrupted) return error.message;
  if (error instanceof TourFailure) return `${where}${error.message}`;
  if (error instanceof AlcoveError) return `${where}${error.message} (${error.code})`;
  return `${where}${error instanceof Error ? error.stack : String(error)}`;
}

process.exitCode = await run(process.argv.slice(2));

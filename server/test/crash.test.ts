/** Kills the real process at random moments under load, and holds it to every word it gave. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { registerPerson } from '../src/testing/index.ts';
import { createGround } from './crash/ground.ts';
import { createLink } from './crash/link.ts';
import { createNewcomers } from './crash/newcomers.ts';
import { createWriter, type Writer } from './crash/writer.ts';

const rounds = Number(process.env.ALCOVE_CRASH_ROUNDS ?? 20);
const writersCount = 3;

test(
  `after kill -9 under load, ${rounds} times, every acknowledged change is there once and every token works`,
  async () => {
    await using ground = await createGround();
    const first = await ground.start();
    let link = createLink(first);
    const people = await Promise.all(Array.from({ length: writersCount }, () => registerPerson(first.url)));
    const writers = await Promise.all(people.map((person) => createWriter(link, person)));
    const newcomers = createNewcomers();

    for (let round = 1; round <= rounds; round += 1) {
      const load = [...writers.map((writer) => writer.pushUntilCut(link)), newcomers.signUpUntilCut(link)];
      const loadEnded = Promise.all(load);
      // A load that fails before the kill must fail the test, not the process.
      await Promise.race([sleep(randomInt(50, 200)), loadEnded]);
      await link.kill();
      await loadEnded;

      link = createLink(await ground.start());
      await Promise.all(writers.map((writer) => writer.checkAndResend(link)));
      await newcomers.checkLatest(link);
    }
    await Promise.all(writers.map((writer) => writer.checkAndResend(link)));
    await newcomers.checkAll(link);

    const figures = sumFigures(writers);
    console.log(
      `${rounds} kills: ${figures.acknowledged} acknowledged changes, each there once; of ${figures.cut} pushes that were ` +
        `cut off ${figures.cutButWritten} were wholly written, the others not at all; ${newcomers.figures.tokens} token ` +
        `pairs still worked and ${newcomers.figures.signOuts} sign-outs still held.`,
    );
    // Without these the load never ran, or never met the kill, and nothing would have been shown.
    expect(figures.acknowledged).toBeGreaterThan(rounds * writersCount);
    expect(figures.cut).toBeGreaterThanOrEqual(rounds);
    expect(newcomers.figures.tokens).toBeGreaterThan(0);
  },
  60_000 + rounds * 15_000,
);

function sumFigures(writers: readonly Writer[]): Writer['figures'] {
  const sum = (of: (figures: Writer['figures']) => number) =>
    writers.reduce((total, { figures }) => total + of(figures), 0);
  return {
    acknowledged: sum(({ acknowledged }) => acknowledged),
    cut: sum(({ cut }) => cut),
    cutButWritten: sum(({ cutButWritten }) => cutButWritten),
  };
}

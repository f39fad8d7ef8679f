/** One line that says what is going on; in a terminal it is overwritten, elsewhere it is left out. */
export function createProgress(name: string) {
  const { stderr } = process;
  const show = (text: string) => {
    if (stderr.isTTY) stderr.write(`\r\x1b[K${text}`);
  };
  return {
    say: (step: string) => show(`${name}: ${step} …`),
    end: () => show(''),
  };
}

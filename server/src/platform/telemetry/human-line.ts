/** Turns one JSON line of the logger into one short line for a person at a terminal. */
export function humanLine(json: string): string {
  const { time, level, msg, err, ...rest } = parseLine(json);
  const head = `${timeOfDay(time)} ${String(level ?? 'info').padEnd(5)} ${String(msg ?? '')}`.trimEnd();
  const members = Object.entries(rest).map(([name, value]) => `${name}=${shown(value)}`);
  return `${[head, ...members].join('  ')}\n${stackOf(err)}`;
}

function parseLine(json: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(json);
  return isRecord(parsed) ? parsed : { msg: json.trimEnd() };
}

function timeOfDay(time: unknown): string {
  return typeof time === 'string' ? time.slice(11, 19) : '--:--:--';
}

function shown(value: unknown): string {
  // A text with a line break in it would let its author write log lines of his own.
  const text = typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value);
  return text ?? 'undefined';
}

function stackOf(err: unknown): string {
  if (!isRecord(err)) return '';
  const own = `    ${String(err.stack ?? err.message).replaceAll('\n', '\n    ')}\n`;
  return isRecord(err.cause) ? `${own}    caused by\n${stackOf(err.cause)}` : own;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

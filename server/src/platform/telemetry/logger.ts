import { type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { humanLine } from './human-line.ts';

export type Logger = PinoLogger;
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Takes one finished line at a time. Without it, lines go to standard output. */
  readonly write?: (line: string) => void;
  /** Short lines for a person instead of JSON. Without it, a terminal gets them and a file or pipe does not. */
  readonly human?: boolean;
}

/**
 * Makes the process's logger. What must not be logged is kept out by type: a `Secret` prints as `[secret]`,
 * and of an error only its name, code, message and stack are kept, because database drivers hang the refused
 * row's values onto their errors.
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
    },
    destinationOf(options),
  );
}

function destinationOf(options: LoggerOptions) {
  const human = options.human ?? process.stdout.isTTY === true;
  const write = options.write ?? ((line: string) => process.stdout.write(line));
  if (human) return { write: (line: string) => write(humanLine(line)) };
  // Standard output is written synchronously: the last line before a crash is the one worth having.
  return options.write === undefined ? pino.destination({ dest: 1, sync: true }) : { write };
}

interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const causesMax = 5;

function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth >= causesMax
      ? {}
      : { cause: describeError(error.cause, depth + 1) }),
  };
}

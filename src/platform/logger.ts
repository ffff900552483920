// Logs: one JSON line per unit of work (`payment.created`, `push.answered`, `callback.settled`), wide rather than many.
// Everything passes the redaction of `platform/redaction` last, so a secret or a phone that slipped into a field does
// not reach the disk.

import winston from 'winston';
import { redact } from './redaction.ts';

export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export const logLevels = ['error', 'warn', 'info', 'debug', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A logger on standard output, or on `stream` (tests read it back). Level `silent` writes nothing. */
export function createLogger(level: LogLevel, stream: NodeJS.WritableStream = process.stdout): Logger {
  if (level === 'silent') return silentLogger;
  const sink = winston.createLogger({
    level,
    format: winston.format.printf(({ level: severity, message, fields }) => {
      const line = {
        at: new Date().toISOString(),
        level: severity,
        event: message,
        ...redact((fields ?? {}) as LogFields),
      };
      return JSON.stringify(line);
    }),
    transports: [new winston.transports.Stream({ stream })],
  });
  const write =
    (severity: string) =>
    (event: string, fields?: LogFields): void => {
      sink.log({ level: severity, message: event, fields });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

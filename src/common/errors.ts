/**
 * A coded error. The code is stable and documented in {@link ERROR_CODES}; the message says what happened and where,
 * and ends with what to do where somebody can do something.
 */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}

/** Every code that this project's programs print or throw, with the sentence that documents it. */
export const ERROR_CODES = {
  ZK_ASSERTION: 'An invariant of the program does not hold; the process stops rather than go on with a wrong state.',
  ZK_CONFIG_INVALID: 'A configuration key is unknown, contradictory or has a value that cannot be used.',
  ZK_FRAME_MALFORMED: 'Bytes from a peer or client do not follow the protocol; the connection is closed.',
  ZK_FRAME_TOO_LONG: 'A frame is longer than jute.maxbuffer; the connection is closed.',
  ZK_EPOCH_CORRUPT: 'A file that holds an epoch holds none; the server refuses to start with a guess.',
  ZK_LOG_CORRUPT: 'A transaction log has a damaged record before its end; the server refuses to start from it.',
  ZK_SNAPSHOT_CORRUPT: 'A snapshot is damaged; the server uses the one before it and the log.',
  ZK_STORAGE_FAILED:
    'The disk refused a write, a sync or a rename; the server stops so that nothing false is acknowledged, and a restore leaves nothing.',
  ZK_STORAGE_MISSING: 'Files that the data directory should hold are not there.',
  ZK_WATCHES_FULL:
    'The watches of all clients take as much memory as they may; the client that asks for more, and has more than most, gets none.',
  ZK_PROTOCOL_VIOLATION:
    'A peer broke the rules of ZAB, for instance a gap between two proposals; the connection is closed.',
  ZK_DATA_IN_USE: 'Another running server uses the data directory; two would destroy it.',
  ZK_BACKUP_FAILED:
    'A member gave no snapshot, or it cannot be stored or read where it is kept; nothing that looks whole is left.',
  ZK_RESTORE_REFUSED:
    'What to restore into, a data directory or a running server, holds data; restoring never replaces any.',
  ZK_INTERRUPTED: 'zabctl was asked to end by a signal; nothing that looks whole is left.',
  ZK_CLI_ARGUMENTS: 'An argument of zabctl cannot be used.',
  ZK_OUTPUT_FAILED: 'What zabctl prints cannot be written where it is to go.',
  ZK_CONNECT_STRING_INVALID: 'A connect string does not name servers and a path.',
  ZK_LISTEN_FAILED: 'An address to listen on cannot be bound.',
  ZK_API_REFUSED: 'The Kubernetes API server refused a request; the message has its reason.',
  ZK_API_UNREACHABLE: 'The Kubernetes API server did not answer, or broke off its answer; the request is made again.',
  ZK_API_STALE:
    'The Kubernetes API server answered with an older state than it has told before; nothing is decided on it.',
  ZK_NOT_LEADING: 'This replica of the operator does not hold the lease (any more), so it must not write.',
  ZK_OPERATOR_ARGUMENTS: 'An argument or environment variable of the operator cannot be used.',
} as const;

/** A code of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Throws {@link CodedError} with code `ZK_ASSERTION` unless the condition holds. Stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CodedError('ZK_ASSERTION', message);
}

/** For the `default` of an exhaustive switch. */
export function unreachable(value: never, what: string): never {
  throw new CodedError('ZK_ASSERTION', `${what}: ${String(value)} is not a case that exists`);
}

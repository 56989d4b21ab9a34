import { ReplyCode } from '../server/protocol/opcodes.ts';

/** Why an operation failed: the names of ZooKeeper's reply codes, for instance `noNode` or `connectionLoss`. */
export type ZooKeeperFailure = Exclude<keyof typeof ReplyCode, 'ok'> | 'unknown';

const NAMES = new Map<number, ZooKeeperFailure>(
  Object.entries(ReplyCode).map(([name, code]) => [code, name as ZooKeeperFailure]),
);

/** An operation that the ensemble refused, or whose fate is unknown because the connection was lost. */
export class ZooKeeperError extends Error {
  readonly failure: ZooKeeperFailure;
  /** The znode that the operation was about; '' where it was about none. */
  readonly path: string;

  constructor(failure: ZooKeeperFailure, path: string, details = '') {
    super([failure, path, details].filter((part) => part !== '').join(': '));
    this.name = 'ZooKeeperError';
    this.failure = failure;
    this.path = path;
  }
}

/** The error of a reply code. */
export function replyError(code: number, path: string): ZooKeeperError {
  const failure = NAMES.get(code);
  return failure === undefined
    ? new ZooKeeperError('unknown', path, `reply code ${code}`)
    : new ZooKeeperError(failure, path);
}

/** True if the error says that an operation failed for this reason. */
export function isFailure(error: unknown, failure: ZooKeeperFailure): error is ZooKeeperError {
  return error instanceof ZooKeeperError && error.failure === failure;
}

import { CodedError } from '../../common/errors.ts';

/** A peer broke the protocol: thrown where it is seen, caught where its connection is ended. */
export function violation(message: string): never {
  throw new CodedError('ZK_PROTOCOL_VIOLATION', message);
}

/** What a peer's broken or malformed packet throws, as opposed to a broken invariant of our own, which must not be caught. */
export function isPeersFault(error: unknown): error is CodedError {
  return error instanceof CodedError && (error.code === 'ZK_PROTOCOL_VIOLATION' || error.code === 'ZK_FRAME_MALFORMED');
}

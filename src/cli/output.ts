import { CodedError } from '../common/errors.ts';

/**
 * Writes the result to stdout, and returns when it is there: who keeps it in a file is told if the disk is full.
 *
 * @throws CodedError ZK_OUTPUT_FAILED
 */
export async function print(result: string | Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const failed = (error: Error): void =>
    reject(new CodedError('ZK_OUTPUT_FAILED', `the result cannot be written: ${error.message}`, { cause: error }));
  // Without it, the error ends the process where it stands.
  process.stdout.once('error', failed);
  process.stdout.write(result, (error) => {
    if (error === null || error === undefined) resolve(undefined);
    else failed(error);
  });
  await promise;
  process.stdout.off('error', failed);
}

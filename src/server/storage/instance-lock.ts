import { join } from 'node:path';
import { CodedError } from '../../common/errors.ts';

/** Holds a directory for this process. */
export interface InstanceLock {
  release(): void;
}

/** The file in a data directory that the lock is on. */
export const LOCK_FILE = '.zabkeeper.lock';

/**
 * Keeps a second server off a data directory. The lock is one of the kernel's own (fcntl, which Node offers only through
 * its SQLite): it ends with the process however that ends, it needs no process ids, which mean nothing across
 * containers, and it holds between containers and, where the file system has locks, between machines.
 * @throws CodedError ZK_DATA_IN_USE if another process holds the directory, ZK_STORAGE_FAILED if it cannot be written to.
 */
export async function lockDirectory(directory: string): Promise<InstanceLock> {
  const { DatabaseSync } = await import('node:sqlite');
  const file = join(directory, LOCK_FILE);
  try {
    const database = new DatabaseSync(file);
    // Without a journal in memory, each start would leave one beside the lock.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return { release: () => database.close() };
  } catch (error) {
    if (isBusy(error)) {
      throw new CodedError(
        'ZK_DATA_IN_USE',
        `${directory} is in use by another running server: stop it, or give this one a dataDir of its own`,
        { cause: error },
      );
    }
    throw new CodedError('ZK_STORAGE_FAILED', `cannot lock ${file}: ${String(error)}`, { cause: error });
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 6);
}

import { join } from 'node:path';
import { DEFAULT_SETTINGS, type StorageSettings } from './engine.ts';
import { WorkerStorage } from './worker-storage.ts';
import type { Storage, StorageEvents } from './types.ts';

export interface OpenStorageOptions extends StorageEvents {
  /** As in zoo.cfg: snapshots and epochs are in its `version-2`. */
  readonly dataDir: string;
  /** As in zoo.cfg: the log is in its `version-2`. Without it: dataDir. */
  readonly dataLogDir?: string;
  /** What differs from the defaults. */
  readonly settings?: Partial<StorageSettings>;
  /** `snapshot.trust.empty`: accept a log without a snapshot. */
  readonly trustEmptySnapshot?: boolean;
}

/**
 * Opens the data directories of a server, and creates what is missing. Call {@link Storage.recover} next.
 * @throws CodedError ZK_STORAGE_FAILED where a directory cannot be created.
 */
export function openStorage(options: OpenStorageOptions): Storage {
  const { dataDir, dataLogDir = dataDir, settings, trustEmptySnapshot = false, ...events } = options;
  const merged = { ...DEFAULT_SETTINGS, ...settings };
  if (!merged.forceSync) {
    events.onWarning('forceSync=no: the log is not synced, a crash of the machine loses acknowledged writes');
  }
  return new WorkerStorage({
    ...events,
    snapshotDirectory: join(dataDir, 'version-2'),
    logDirectory: join(dataLogDir, 'version-2'),
    settings: merged,
    trustEmptySnapshot,
  });
}

import { decodeEpoch, encodeEpoch, type EpochFile } from './formats/epoch-format.ts';
import type { Disk } from './types.ts';

/** Replaces an epoch file: when it returns, the new epoch is durable; a crash leaves the old one or the new one. */
export function writeEpoch(disk: Disk, name: EpochFile, epoch: number): void {
  const temporary = temporaryName(name);
  const file = disk.open(temporary);
  file.truncate(0);
  file.write(0, [encodeEpoch(epoch)]);
  file.sync();
  file.close();
  disk.rename(temporary, name);
  disk.syncDirectory();
}

/** The epoch that a file holds, or undefined where there is no file. @throws CodedError where it holds none. */
export function readEpoch(disk: Disk, name: EpochFile): number | undefined {
  return disk.exists(name) ? decodeEpoch(name, disk.read(name, 0, disk.size(name))) : undefined;
}

/**
 * What Apache ZooKeeper was about to write when it ended, if it had written all of it. It syncs no directory, so the
 * rename can be lost though the epoch was used.
 */
export function readUnfinishedEpoch(disk: Disk, name: EpochFile): number | undefined {
  const temporary = temporaryName(name);
  if (!disk.exists(temporary)) return undefined;
  try {
    return decodeEpoch(temporary, disk.read(temporary, 0, disk.size(temporary)));
  } catch {
    return undefined;
  }
}

function temporaryName(name: EpochFile): string {
  return `${name}.tmp`;
}

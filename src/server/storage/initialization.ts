import { INITIALIZE_FILE, MEMBER_FILE } from './formats/file-names.ts';
import type { Disk } from './types.ts';

/** Durably allows the server of this data directory to begin a new ensemble. */
export function allow(disk: Disk): void {
  make(disk, INITIALIZE_FILE);
}

/**
 * The ensemble exists: an empty disk is a lost one from now on. What says so is durable before the leave to begin another goes, and
 * the latter is gone for good when this returns.
 *
 * @param remembers Whether the server is to remember that it was a member.
 */
export function end(disk: Disk, remembers: boolean): void {
  // Synced even if it is there: a process may have been killed before it came to that.
  if (remembers) make(disk, MEMBER_FILE);
  if (!disk.exists(INITIALIZE_FILE)) return;
  disk.remove(INITIALIZE_FILE);
  disk.syncDirectory();
}

/** Makes an empty file, whose name says it all. */
function make(disk: Disk, name: string): void {
  if (!disk.exists(name)) disk.open(name).close();
  disk.syncDirectory();
}

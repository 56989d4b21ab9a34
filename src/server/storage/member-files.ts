import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MEMBER_FILE, MEMBER_FILE_VARIABLE } from './formats/file-names.ts';

/**
 * The files that say that this server has belonged to an ensemble: one in the data directory and, since a disk may be lost whole under
 * a server that is started as it was, one wherever the environment says.
 */
function memberFiles(dataDir: string): readonly string[] {
  const elsewhere = process.env[MEMBER_FILE_VARIABLE] ?? '';
  return [join(dataDir, MEMBER_FILE), ...(elsewhere === '' ? [] : [elsewhere])];
}

/** Those that are there: with any of them, an empty disk is one that was lost. */
export function foundMemberFiles(dataDir: string): readonly string[] {
  return memberFiles(dataDir).filter((file) => existsSync(file));
}

/** From now on this server has belonged to an ensemble. */
export function writeMemberFiles(dataDir: string): void {
  for (const file of memberFiles(dataDir)) if (!existsSync(file)) writeFileSync(file, '');
}

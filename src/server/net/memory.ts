import { totalmem } from 'node:os';

/** How much memory this process may use: its container's limit where it has one, else all that the machine has. */
export function memoryBytes(): number {
  const limit = process.constrainedMemory();
  // Without a limit it is 0, or more than there is.
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** The znodes that exist from the beginning: registers to set and read, and a parent of sequential znodes. */
export const REGISTERS = ['/r0', '/r1', '/r2', '/r3'] as const;
export const QUEUE = '/queue';

/** The path of a znode's parent. */
export function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

/** The znodes that exist from the beginning: registers to set and read, and parents of sequential znodes and of boxes. */
export const REGISTERS = ['/r0', '/r1', '/r2', '/r3'] as const;
export const QUEUE = '/queue';
/** Below it are containers and TTL znodes, which the server itself takes away: boxes. */
export const BOXES = '/boxes';

/** The configuration in force. */
export const CONFIG = '/zookeeper/config';

/** The only child that a box has, now and then. */
export const ITEM = 'item';

/** Whether it is a box, not what is in one. */
export function isBox(path: string): boolean {
  return parentOf(path) === BOXES;
}

/** The path of a znode's parent. */
export function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

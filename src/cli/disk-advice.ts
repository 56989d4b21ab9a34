/**
 * What to do about a file that cannot be written, by the operating system's code; undefined where the code says nothing of use.
 *
 * @param room What to do where there is no room for it.
 */
export function diskAdvice(code: string | undefined, room: string): string | undefined {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return room;
    case 'EACCES':
    case 'EPERM':
      return 'do it as a user who may write there';
    case 'EROFS':
      return 'the file system is mounted read-only';
    default:
      return undefined;
  }
}

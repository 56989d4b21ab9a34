/** The paths of the znodes that ZooKeeper makes itself and lets nobody delete (DataTree.isSpecialPath). */
const SPECIAL_PATHS: ReadonlySet<string> = new Set(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);

/**
 * The parent of a path, by its last slash alone, as ZooKeeper takes it before it looks at the rest of the path; or
 * undefined where there is none.
 */
export function parentPath(path: string): string | undefined {
  const lastSlash = path.lastIndexOf('/');
  if (lastSlash === -1 || path.includes('\0')) return undefined;
  return lastSlash === 0 ? '/' : path.slice(0, lastSlash);
}

/** The parent of a znode that is about to be deleted; undefined for a path that nobody may delete. */
export function parentOfDeleted(path: string): string | undefined {
  return SPECIAL_PATHS.has(path) ? undefined : parentPath(path);
}

/**
 * PathUtils.validatePath: absolute, no empty, `.` or `..` names, no slash at the end, and none of the characters that
 * ZooKeeper refuses.
 */
export function isValidPath(path: string): boolean {
  const length = path.length;
  if (length === 0 || path.charCodeAt(0) !== SLASH) return false;
  if (length === 1) return true;
  if (path.charCodeAt(length - 1) === SLASH) return false;
  for (let i = 1; i < length; i++) {
    const c = path.charCodeAt(i);
    if (c === SLASH) {
      if (path.charCodeAt(i - 1) === SLASH) return false;
    } else if (c === DOT) {
      if (isDotName(path, i)) return false;
    } else if (c <= 0x1f || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0) {
      return false;
    }
  }
  return true;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** True if the dot at `i` ends a name that is `.` or `..`. */
function isDotName(path: string, i: number): boolean {
  const atEnd = i + 1 === path.length || path.charCodeAt(i + 1) === SLASH;
  if (!atEnd) return false;
  const before = path.charCodeAt(i - 1);
  return before === SLASH || (before === DOT && path.charCodeAt(i - 2) === SLASH);
}

/** The name of a sequential znode: `%010d` of the parent's counter, which Java formats as a signed int. */
export function sequentialPath(path: string, parentCversion: number): string {
  const digits = Math.abs(parentCversion).toString();
  const sign = parentCversion < 0 ? '-' : '';
  return path + sign + digits.padStart(10 - sign.length, '0');
}

import { configInvalid } from './problems.ts';

/** One `key=value` of a properties file, and where it stands. */
export interface Property {
  readonly key: string;
  readonly value: string;
  /** Counted from 1; where the value goes on over several lines, the first. */
  readonly line: number;
}

/**
 * Parses a Java properties file as far as ZooKeeper's files use it: comments with # and !, `=`, `:` or blanks between key
 * and value, a backslash at the end of a line, and the escapes \t \n \r \f \\ \uXXXX (any other character stands for
 * itself). Blanks at the ends of keys and values are dropped, as ZooKeeper does.
 * @throws CodedError ZK_CONFIG_INVALID for an escape that is not whole.
 */
export function parseProperties(text: string, file: string): Property[] {
  const properties: Property[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let logical = (lines[index] ?? '').trimStart();
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue;
    while (endsWithContinuation(logical) && index + 1 < lines.length) {
      logical = logical.slice(0, -1) + (lines[++index] ?? '').trimStart();
    }
    const where = `${file} line ${line}`;
    const keyEnd = endOfKey(logical);
    const rest = logical.slice(keyEnd).replace(/^\s*[=:]?\s*/, '');
    const key = unescape(logical.slice(0, keyEnd), where).trim();
    properties.push({ key, value: unescape(rest, where).trim(), line });
  }
  return properties;
}

/** True for an odd number of backslashes at the end. */
function endsWithContinuation(line: string): boolean {
  const backslashes = /\\*$/.exec(line)?.[0].length ?? 0;
  return backslashes % 2 === 1;
}

function endOfKey(line: string): number {
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === '\\') at++;
    else if (/[=:\s]/.test(character)) return at;
  }
  return line.length;
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string, where: string): string {
  return text.replaceAll(/\\(u[0-9a-fA-F]{4}|[^]|$)/g, (_whole, escaped: string) => {
    if (escaped.length > 1) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    if (escaped === 'u') {
      configInvalid(where, 'has an escape \\u without four hexadecimal digits: write \\\\ for a backslash');
    }
    return ESCAPES[escaped] ?? escaped;
  });
}

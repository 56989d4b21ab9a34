const V4_BYTES = 4;
const V6_BYTES = 16;
const V6_GROUPS = 8;

/** Addresses of an `ip` ACL: `10.1.0.0/16`, `fd00::/8`, or one address (IPAuthenticationProvider). */
export interface IpRange {
  readonly address: Uint8Array;
  /** How many of its first bits count. */
  readonly bits: number;
}

/** Undefined for what is no address or range. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const address = parseIpAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bitsMax = address.length * 8;
  const bits = slash === -1 ? bitsMax : parseJavaInt(text.slice(slash + 1));
  return bits >= 0 && bits <= bitsMax ? { address, bits } : undefined;
}

/** The address of a client. Sockets on which both kinds arrive show IPv4 clients behind a prefix. */
export function parseClientAddress(text: string): Uint8Array | undefined {
  const mapped = text.startsWith('::ffff:') && text.includes('.');
  return parseIpAddress(mapped ? text.slice('::ffff:'.length) : text);
}

/** True if the address lies in the range. An IPv4 address never lies in an IPv6 range. */
export function isInIpRange(other: Uint8Array, { address, bits }: IpRange): boolean {
  if (other.length !== address.length) return false;
  for (let i = 0; i * 8 < bits; i++) {
    const mask = bits - i * 8 >= 8 ? 0xff : (0xff00 >> (bits - i * 8)) & 0xff;
    if ((((other[i] as number) ^ (address[i] as number)) & mask) !== 0) return false;
  }
  return true;
}

/** The four or sixteen bytes of an address, or undefined. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== V4_BYTES) return undefined;
  const bytes = new Uint8Array(V4_BYTES);
  for (const [i, part] of parts.entries()) {
    const value = parseJavaInt(part);
    if (!(value >= 0 && value <= 255)) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  const [front = '', back] = halves;
  const head = front === '' ? [] : front.split(':');
  const tail = back === undefined || back === '' ? [] : back.split(':');
  if (halves.length > 2) return undefined;
  if (back === undefined ? head.length !== V6_GROUPS : head.length + tail.length >= V6_GROUPS) return undefined;
  const bytes = new Uint8Array(V6_BYTES);
  const valid = putGroups(bytes, 0, head) && putGroups(bytes, V6_BYTES - tail.length * 2, tail);
  return valid ? bytes : undefined;
}

function putGroups(bytes: Uint8Array, offset: number, groups: readonly string[]): boolean {
  for (const [i, group] of groups.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return false;
    const value = Number.parseInt(group, 16);
    bytes[offset + i * 2] = value >>> 8;
    bytes[offset + i * 2 + 1] = value & 0xff;
  }
  return true;
}

/** NaN for what Integer.parseInt refuses. */
function parseJavaInt(text: string): number {
  return /^[+-]?\d{1,10}$/.test(text) ? Number(text) : NaN;
}

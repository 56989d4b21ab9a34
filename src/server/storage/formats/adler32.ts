const MODULO = 65521;
/** Bytes that can be summed before a modulo without leaving 32-bit signed integers, which V8 adds fastest. */
const BYTES_BEFORE_MODULO = 3800;

/** The Adler-32 of nothing: where a running checksum starts. */
export const ADLER32_START = 1;

/**
 * Adler-32 (RFC 1950), as java.util.zip.Adler32 computes it for ZooKeeper's files. Pass the last result as `running` to
 * go on where it ended. Node's zlib has it inside but offers only CRC-32.
 */
export function adler32(bytes: Uint8Array, running = ADLER32_START): number {
  let low = running & 0xffff;
  let high = running >>> 16;
  const length = bytes.length;
  for (let at = 0; at < length;) {
    const stop = Math.min(at + BYTES_BEFORE_MODULO, length);
    for (; at < stop; at++) {
      low += bytes[at] ?? 0;
      high += low;
    }
    low %= MODULO;
    high %= MODULO;
  }
  return ((high << 16) | low) >>> 0;
}

const POLYNOMIAL = 0xedb88320;

/** Four tables, one behind the other: table k has the checksum of a byte with k zero bytes behind it. */
const TABLES: Int32Array = makeTables();

/** The register of a CRC-32 over nothing; {@link crcUpdate} goes on from it and {@link crcValue} ends it. */
export const CRC_START = -1;

/** The register after `bytes[start, end)`. CRC-32 as in zlib and java.util.zip, four bytes at a time. */
export function crcUpdate(register: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = register;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (TABLES[0x300 | (crc & 0xff)] as number) ^
      (TABLES[0x200 | ((crc >>> 8) & 0xff)] as number) ^
      (TABLES[0x100 | ((crc >>> 16) & 0xff)] as number) ^
      (TABLES[crc >>> 24] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (TABLES[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return crc;
}

/** The checksum, unsigned. */
export function crcValue(register: number): number {
  return ~register >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}

import type { Zxid } from '../../../common/zxid.ts';
import { adler32 } from '../formats/adler32.ts';
import { entry } from './test-storage.ts';

/** A log as Apache ZooKeeper writes it: database id 0, no commit marks, zeros to the given size. */
export function apacheLog(zxids: readonly Zxid[], size: number): Uint8Array {
  const parts = zxids.flatMap((zxid) => {
    const { bytes } = entry(zxid);
    return [uint32(0, adler32(bytes), bytes.length), bytes, Uint8Array.of(0x42)];
  });
  const file = new Uint8Array(size);
  file.set(concatenate([uint32(0x5a4b4c47, 2, 0, 0), ...parts]));
  return file;
}

/** A snapshot as some version of Apache ZooKeeper writes it: older ones leave digest or zxid out. */
export function apacheSnapshot(
  body: string,
  zxid: Zxid,
  parts: readonly ('digest' | 'zxid')[] = ['digest', 'zxid'],
): Uint8Array {
  const high = Math.floor(zxid / 2 ** 32);
  let file = concatenate([uint32(0x5a4b534e, 2, 0xffffffff, 0xffffffff), new TextEncoder().encode(body)]);
  const seal = (): void => {
    file = concatenate([file, uint32(0, adler32(file), 1), Uint8Array.of(0x2f)]);
  };
  seal();
  for (const part of parts) {
    const numbers = part === 'digest' ? [high, zxid, 2, 0xffffffff, 0xfffffffb] : [high, zxid];
    file = concatenate([file, uint32(...numbers)]);
    seal();
  }
  return file;
}

function uint32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(4 * index, value);
  return bytes;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

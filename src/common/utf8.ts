/**
 * UTF-8 for short strings. Paths and identities are nearly always ASCII and short: for these the loops below are several
 * times faster than a call of TextEncoder or TextDecoder.
 */

interface TextDecoderLike {
  decode(bytes: Uint8Array): string;
}

// TextDecoder is a global of every JavaScript host, but the pure folders compile with the types of none.
const host = globalThis as unknown as {
  TextDecoder: new (label: string, options: { ignoreBOM: boolean }) => TextDecoderLike;
};
// Malformed bytes become U+FFFD, as in Java; a byte order mark is a character like any other.
const decoder = new host.TextDecoder('utf-8', { ignoreBOM: true });

/** Beyond this, one call of the host's decoder is faster than a loop, and `apply` would need a large stack. */
const LOOP_LENGTH_MAX = 256;

const REPLACEMENT = 0xfffd;

/** The string in `bytes[start, end)`. Bytes that are no UTF-8 become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start > LOOP_LENGTH_MAX) return decoder.decode(bytes.subarray(start, end));
  for (let i = start; i < end; i++) {
    if ((bytes[i] as number) > 0x7f) return decoder.decode(bytes.subarray(start, end));
  }
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
}

/** How many bytes {@link writeUtf8} may need at most. */
export function utf8LengthMax(text: string): number {
  return text.length * 3;
}

/**
 * Writes the string at `offset` and returns the offset behind it. Half a surrogate pair is written as U+FFFD. The target
 * must have room for {@link utf8LengthMax} bytes.
 */
export function writeUtf8(text: string, target: Uint8Array, offset: number): number {
  const { length } = text;
  let at = offset;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      target[at++] = unit;
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6);
      target[at++] = 0x80 | (unit & 0x3f);
    } else {
      let point = unit;
      if (unit >= 0xd800 && unit <= 0xdfff) {
        point = text.codePointAt(i) ?? REPLACEMENT;
        if (point > 0xffff) i++;
        else point = REPLACEMENT;
      }
      if (point > 0xffff) {
        target[at++] = 0xf0 | (point >> 18);
        target[at++] = 0x80 | ((point >> 12) & 0x3f);
      } else {
        target[at++] = 0xe0 | (point >> 12);
      }
      target[at++] = 0x80 | ((point >> 6) & 0x3f);
      target[at++] = 0x80 | (point & 0x3f);
    }
  }
  return at;
}

/** The string's UTF-8 bytes, in memory of their own. */
export function encodeUtf8(text: string): Uint8Array {
  const room = new Uint8Array(utf8LengthMax(text));
  return room.slice(0, writeUtf8(text, room, 0));
}

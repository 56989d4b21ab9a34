import { JuteReader } from '../server/protocol/jute-reader.ts';
import { JuteWriter } from '../server/protocol/jute-writer.ts';
import { readReplyHeader, writeRequestHeader } from '../server/protocol/headers.ts';
import type { ReplyHeader } from '../server/protocol/headers.ts';

/** One request's frame, without the length in front. */
export function requestFrame(xid: number, type: number, body?: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter();
  writeRequestHeader(writer, xid, type);
  body?.(writer);
  return writer.copy();
}

/** The frames that a member's `toClient` bytes hold. */
export function* splitFrames(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const length = view.getInt32(at);
    yield bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

/** A reply taken apart: its header, and a reader that stands at its body. */
export interface Reply {
  readonly header: ReplyHeader;
  readonly body: JuteReader;
}

export function readReply(frame: Uint8Array): Reply {
  const body = new JuteReader(frame);
  return { header: readReplyHeader(body), body };
}

export const textOf = (data: Uint8Array | null): string => (data === null ? '' : new TextDecoder().decode(data));
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

import type { Zxid } from '../../common/zxid.ts';
import { writeReplyHeader } from '../protocol/headers.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import type { Client } from './client.ts';
import type { MemberOutput } from './types.ts';

/** A buffer is handed to a client without a copy only if it is at least this part of the memory that it keeps alive. */
const SHARED_PART_MIN = 1 / 4;

/** Above this, memory that a burst needed is given back. */
const KEPT_BYTES_MAX = 1 << 20;

/**
 * What leaves for clients in one step. All of it is written into one buffer; a client has the list of its pieces, which at
 * the end of the step become one output each. So a hundred replies to one client cost one write to its socket, and one
 * event for ten thousand clients is written once.
 */
export class Replies {
  /** Where the body of a reply goes, between {@link begin} and {@link end}. */
  readonly writer = new JuteWriter(64 * 1024);
  #client: Client | undefined;
  #start = 0;
  readonly #dirty: Client[] = [];
  #sent = 0;

  /** Frames sent so far. */
  get sentCount(): number {
    return this.#sent;
  }

  /** Begins a reply: the frame's length and the header. */
  begin(client: Client, xid: number, zxid: Zxid, error: number): void {
    this.beginFrame(client);
    writeReplyHeader(this.writer, xid, zxid, error);
  }

  /** Begins a frame without a reply's header. */
  beginFrame(client: Client): void {
    this.#client = client;
    this.#start = this.writer.beginLength();
  }

  end(): void {
    this.writer.endLength(this.#start);
    if (this.#client !== undefined) this.share(this.#client, this.#start, this.writer.length);
  }

  /** A reply that is a header only. */
  header(client: Client, xid: number, zxid: Zxid, error: number): void {
    this.begin(client, xid, zxid, error);
    this.end();
  }

  /** Sends the frame that stands in the writer at `[start, end)` to this client (too). */
  share(client: Client, start: number, end: number): void {
    const { segments } = client;
    const last = segments.length - 1;
    if (last < 0) this.#dirty.push(client);
    if (last >= 0 && segments[last] === start) segments[last] = end;
    else segments.push(start, end);
    client.sent++;
    client.answerBytes += end - start;
    this.#sent++;
  }

  /** Sends what the client has coming right away, because it is about to be closed. */
  flushClient(client: Client, outputs: MemberOutput[]): void {
    if (client.segments.length === 0) return;
    outputs.push({ type: 'toClient', client: client.id, bytes: join(this.writer.view(), client.segments) });
    client.segments.length = 0;
  }

  /** The end of the step: one output for each client. */
  flush(outputs: MemberOutput[]): void {
    const written = this.writer.view();
    const memory = written.buffer.byteLength;
    let handedOver = false;
    let bytes = written;
    let start = -1;
    let end = -1;
    for (const client of this.#dirty) {
      const { segments } = client;
      client.answerBytes = 0;
      if (segments.length === 0) continue;
      // Watchers of one event have the same single piece: they share its bytes.
      if (segments.length !== 2 || segments[0] !== start || segments[1] !== end) {
        start = segments.length === 2 ? (segments[0] ?? -1) : -1;
        end = segments.length === 2 ? (segments[1] ?? -1) : -1;
        if (start !== -1 && end - start >= memory * SHARED_PART_MIN) {
          bytes = written.subarray(start, end);
          handedOver = true;
        } else {
          bytes = join(written, segments);
        }
      }
      outputs.push({ type: 'toClient', client: client.id, bytes });
      segments.length = 0;
    }
    this.#dirty.length = 0;
    if (handedOver || memory > KEPT_BYTES_MAX) this.writer.take();
    else this.writer.reset();
  }
}

function join(written: Uint8Array, segments: readonly number[]): Uint8Array {
  if (segments.length === 2) return written.slice(segments[0], segments[1]);
  let length = 0;
  for (let i = 0; i < segments.length; i += 2) length += (segments[i + 1] ?? 0) - (segments[i] ?? 0);
  const joined = new Uint8Array(length);
  let offset = 0;
  for (let i = 0; i < segments.length; i += 2) {
    const piece = written.subarray(segments[i], segments[i + 1]);
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

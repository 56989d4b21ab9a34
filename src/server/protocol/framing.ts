import { CodedError } from '../../common/errors.ts';
import { malformed } from './jute-reader.ts';

/** Receives what a {@link FrameSplitter} finds, in the order of the bytes. */
export interface FrameSink {
  /** A frame without its length. A view of the chunk where all of it came in one, else memory of its own. */
  frame(frame: Uint8Array): void;
  /** The connection began with four letters, for instance `ruok`, instead of a length; nothing else will come. */
  fourLetterWord(word: string): void;
}

/** Telnet's "interrupt process", which ZooKeeper takes for a word by which an operator closes the connection. */
const TELNET_CLOSE = 0xfff4fffd | 0;

/**
 * Cuts the byte stream of a client, or of a server to its client, into frames: four bytes of length, big-endian, and the
 * body. What it holds is never more than what has arrived, whatever a length claims.
 */
export class FrameSplitter {
  readonly #sink: FrameSink;
  readonly #frameBytesMax: number;
  #atStart: boolean;
  #wordSeen = false;
  /** The bytes of a length that is not whole, and how many they are. */
  #lengthValue = 0;
  #lengthBytes = 0;
  /** A frame that is not whole: its length (0: there is none), its bytes, and how many of them have arrived. */
  #frameLength = 0;
  #frameBytes = NO_BYTES;
  #arrived = 0;

  /** @param words Whether the stream may begin with a four-letter word: on the server's side. */
  constructor(sink: FrameSink, frameBytesMax: number, words: boolean) {
    this.#sink = sink;
    this.#frameBytesMax = frameBytesMax;
    this.#atStart = words;
  }

  /** True while a length or a frame has arrived in part. */
  get inFrame(): boolean {
    return this.#frameLength > 0 || this.#lengthBytes > 0;
  }

  /**
   * Takes the next bytes of the stream, whose memory must not be used again: frames are views of it.
   * @throws CodedError ZK_FRAME_MALFORMED, ZK_FRAME_TOO_LONG: the connection is of no more use.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    if (this.#frameLength > 0) at = this.#continueFrame(chunk, 0);
    while (at < chunk.length && !this.#wordSeen) {
      while (this.#lengthBytes < 4) {
        if (at === chunk.length) return;
        this.#lengthValue = (this.#lengthValue << 8) | (chunk[at++] as number);
        this.#lengthBytes++;
      }
      this.#lengthBytes = 0;
      at = this.#beginFrame(this.#lengthValue, chunk, at);
    }
  }

  #beginFrame(length: number, chunk: Uint8Array, at: number): number {
    if (this.#atStart) {
      this.#atStart = false;
      const word = fourLetterWord(length);
      if (word !== undefined) {
        this.#wordSeen = true;
        this.#sink.fourLetterWord(word);
        return chunk.length;
      }
    }
    if (length < 0) malformed(`a frame claims a length of ${length}`);
    if (length > this.#frameBytesMax) {
      throw new CodedError(
        'ZK_FRAME_TOO_LONG',
        `a frame of ${length} bytes is longer than the ${this.#frameBytesMax} that are allowed: ` +
          'send less, or raise jute.maxbuffer on servers and clients',
      );
    }
    const end = at + length;
    if (end <= chunk.length) {
      this.#sink.frame(chunk.subarray(at, end));
      return end;
    }
    this.#frameLength = length;
    this.#arrived = 0;
    return this.#continueFrame(chunk, at);
  }

  #continueFrame(chunk: Uint8Array, at: number): number {
    const length = this.#frameLength;
    const end = Math.min(chunk.length, at + length - this.#arrived);
    const arrived = this.#arrived + end - at;
    if (arrived > this.#frameBytes.length) {
      const grown = new Uint8Array(Math.min(length, Math.max(arrived * 2, FIRST_BYTES)));
      grown.set(this.#frameBytes.subarray(0, this.#arrived));
      this.#frameBytes = grown;
    }
    this.#frameBytes.set(chunk.subarray(at, end), this.#arrived);
    this.#arrived = arrived;
    if (arrived === length) {
      const frame = this.#frameBytes;
      this.#frameBytes = NO_BYTES;
      this.#frameLength = 0;
      this.#sink.frame(frame);
    }
    return end;
  }
}

const NO_BYTES = new Uint8Array(0);

/** What a frame gets at first: a short one needs no second allocation, and a long one that never comes wastes little. */
const FIRST_BYTES = 4096;

/** The word that the first four bytes are, or undefined if they are a length. */
function fourLetterWord(value: number): string | undefined {
  if (value === TELNET_CLOSE) return 'telnet close';
  const letters = [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
  // Letters make a number beyond any length that is allowed.
  return letters.every((letter) => letter >= 0x61 && letter <= 0x7a) ? String.fromCharCode(...letters) : undefined;
}

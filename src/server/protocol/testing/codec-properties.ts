import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../../common/errors.ts';
import { JuteReader } from '../jute-reader.ts';
import { JuteWriter } from '../jute-writer.ts';

/** One kind of record: how it is made, written and read. */
export interface Codec {
  readonly name: string;
  readonly value: fc.Arbitrary<unknown>;
  readonly write: (writer: JuteWriter, value: unknown) => void;
  readonly read: (reader: JuteReader) => unknown;
}

export function codec<T>(
  name: string,
  value: fc.Arbitrary<T>,
  write: (writer: JuteWriter, value: T) => void,
  read: (reader: JuteReader) => unknown,
): Codec {
  return { name, value, write: (writer, v) => write(writer, v as T), read };
}

/** A codec of bytes that stand alone. */
export function wholeCodec<T>(
  name: string,
  value: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Codec {
  return codec(
    name,
    value,
    (writer, v) => writer.writeRaw(encode(v)),
    (reader) => decode(reader.readRaw(reader.remaining)),
  );
}

/** Declares the tests that every kind of record must pass. */
export function testCodecs(codecs: readonly Codec[]): void {
  for (const { name, value, write, read } of codecs) {
    void test(`${name}: what was written is read again, with nothing left over`, () => {
      fc.assert(
        fc.property(value, (v) => {
          const writer = new JuteWriter(1);
          write(writer, v);
          const reader = new JuteReader(writer.copy());
          assert.deepEqual(plain(read(reader)), plain(v));
          assert.equal(reader.remaining, 0);
        }),
      );
    });

    void test(`${name}: cut or changed bytes give a value or a coded error`, () => {
      fc.assert(
        fc.property(value, fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (v, cut, changes) => {
          const writer = new JuteWriter();
          write(writer, v);
          const changed = writer.copy();
          if (changed.length === 0) return;
          for (const [at, byte] of changes) changed[at % changed.length] = byte;
          expectCoded(() => read(new JuteReader(changed)));
          expectCoded(() => read(new JuteReader(changed.subarray(0, cut % changed.length))));
        }),
      );
    });
  }

  void test('random bytes are a value or a coded error', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 120 }), ({ read }, noise) => {
        expectCoded(() => read(new JuteReader(noise)));
      }),
      { numRuns: 2000 },
    );
  });
}

/** fast-check's records have no prototype, and views are not arrays of their own: compare what they hold. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

/** The only error that a decoder may throw. */
function expectCoded(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof CodedError, `${String(error)} is not a coded error`);
    assert.equal(error.code, 'ZK_FRAME_MALFORMED');
  }
}

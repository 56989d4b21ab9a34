import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameSplitter } from './framing.ts';
import { JuteWriter } from './jute-writer.ts';

function recorder() {
  const frames: Uint8Array[] = [];
  const words: string[] = [];
  return {
    frames,
    words,
    sink: {
      frame: (frame: Uint8Array) => void frames.push(frame),
      fourLetterWord: (word: string) => void words.push(word),
    },
  };
}

function framed(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new JuteWriter();
  for (const frame of frames) writer.writeBuffer(frame);
  return writer.copy();
}

test('frames come out of the stream however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (frames, cuts) => {
        const bytes = framed(frames);
        const points = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
        const { frames: seen, sink } = recorder();
        const splitter = new FrameSplitter(sink, 50, true);
        for (const [index, end] of points.slice(1).entries()) splitter.push(bytes.slice(points[index], end));
        assert.deepEqual(
          seen.map((frame) => Array.from(frame)),
          frames.map((frame) => Array.from(frame)),
        );
        assert.equal(splitter.inFrame, false);
      },
    ),
    { numRuns: 500 },
  );
});

test('a long frame in many chunks', () => {
  const frame = new Uint8Array(300_000).map((_, index) => index % 251);
  const bytes = framed([frame, new Uint8Array([1])]);
  const { frames, sink } = recorder();
  const splitter = new FrameSplitter(sink, 0xfffff, true);
  for (let at = 0; at < bytes.length; at += 1000) splitter.push(bytes.slice(at, at + 1000));
  assert.deepEqual(frames, [frame, new Uint8Array([1])]);
});

test('a frame that lies in one chunk is a view of it', () => {
  const bytes = framed([new Uint8Array(10)]);
  const { frames, sink } = recorder();
  new FrameSplitter(sink, 100, true).push(bytes);
  assert.equal(frames[0]?.buffer, bytes.buffer);
});

test('four letters at the start are a word, in one piece or four', () => {
  for (const size of [1, 4]) {
    const { frames, words, sink } = recorder();
    const splitter = new FrameSplitter(sink, 0xfffff, true);
    const bytes = new TextEncoder().encode('ruok\nand more');
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.slice(at, at + size));
    assert.deepEqual({ frames, words }, { frames: [], words: ['ruok'] });
  }
  const { words, sink } = recorder();
  new FrameSplitter(sink, 0xfffff, true).push(new Uint8Array([0xff, 0xf4, 0xff, 0xfd, 0x06]));
  assert.deepEqual(words, ['telnet close']);
});

test('four letters later on are a length', () => {
  const { sink } = recorder();
  const splitter = new FrameSplitter(sink, 0xfffff, true);
  splitter.push(new Uint8Array([0, 0, 0, 0]));
  assert.throws(() => splitter.push(new TextEncoder().encode('ruok')), { code: 'ZK_FRAME_TOO_LONG' });
});

test('lengths that are negative or too long end the stream', () => {
  const { sink } = recorder();
  assert.throws(() => new FrameSplitter(sink, 100, true).push(new Uint8Array([0x80, 0, 0, 0])), {
    code: 'ZK_FRAME_MALFORMED',
  });
  assert.throws(() => new FrameSplitter(sink, 100, true).push(new Uint8Array([0, 0, 0, 101])), {
    code: 'ZK_FRAME_TOO_LONG',
  });
});

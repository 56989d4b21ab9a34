import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { BlockStore } from './block-store.ts';
import { CRC_START, crcUpdate, crcValue } from './crc32.ts';
import { HashTable } from './hash-table.ts';
import { Records } from './records.ts';
import { CONTAINER_OWNER, ownerHigh, ownerKind, ownerLow, ownerOf, ttlOf, ttlOwner, TTL_MAX_MS } from './owner.ts';

test('CRC-32 is that of zlib, in one piece or in two', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
      const split = Math.min(at, bytes.length);
      const crc = crcUpdate(crcUpdate(CRC_START, bytes, 0, split), bytes, split, bytes.length);
      assert.equal(crcValue(crc), crc32(bytes));
    }),
  );
});

test('blocks hold what was stored until they are freed', () => {
  const length = fc.oneof(fc.nat(300), fc.integer({ min: 7000, max: 9000 }), fc.constantFrom(0, 8192, 8193, 100_000));
  const steps = fc.array(fc.record({ length, free: fc.option(fc.nat()) }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (todo) => {
      const store = new BlockStore();
      const held: { ref: number; bytes: Uint8Array }[] = [];
      let fill = 0;
      for (const { length, free } of todo) {
        const bytes = new Uint8Array(length).fill(++fill & 0xff);
        held.push({ ref: store.store(bytes), bytes });
        const victim = free === null ? undefined : held.splice(free % held.length, 1)[0];
        if (victim !== undefined) store.free(victim.ref);
        for (const { ref, bytes } of held) {
          const start = store.offset(ref);
          assert.equal(Buffer.compare(store.memory(ref).subarray(start, start + bytes.length), bytes), 0);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('memory of freed blocks is used again', () => {
  const store = new BlockStore();
  const bytes = new Uint8Array(100);
  const memory = new Set<Uint8Array>();
  for (let round = 0; round < 10; round++) {
    const refs = Array.from({ length: 5000 }, () => store.store(bytes));
    for (const ref of refs) memory.add(store.memory(ref));
    for (const ref of refs.filter((_, i) => i % 2 === 0)) store.free(ref);
    for (const ref of refs.filter((_, i) => i % 2 === 1)) store.free(ref);
    assert.equal(store.chunkCount, 0);
  }
  const [ref, other] = [store.store(bytes), store.store(bytes)];
  store.free(ref);
  assert.equal(store.store(bytes), ref);
  assert.notEqual(ref, other);
});

/** A table that numbers what is added from 1. */
function table(): { table: HashTable; add: (hash: number) => number; all: (hash: number) => number[] } {
  const records = new Records(2);
  const table = new HashTable(records, 0, 1);
  const add = (hash: number): number => {
    const id = records.allocate();
    table.add(id, hash);
    return id;
  };
  const all = (hash: number): number[] => {
    const found: number[] = [];
    for (let id = table.first(hash); id !== 0; id = table.next()) found.push(id);
    return found;
  };
  return { table, add, all };
}

test('a hash table holds what was added and not removed, however many', () => {
  const { table: numbers, add, all } = table();
  const hashOf = (id: number): number => Math.imul(id, 0x9e3779b1) ^ 77;
  for (let id = 1; id <= 20_000; id++) assert.equal(add(hashOf(id)), id);
  for (let id = 1; id <= 20_000; id += 3) numbers.remove(id);
  for (let id = 1; id <= 20_000; id++) assert.deepEqual(all(hashOf(id)), id % 3 === 1 ? [] : [id]);
  assert.equal(numbers.size, 13_333);
});

test('a hash table does not mind hashes that are the same, or fall into the same bucket', () => {
  const hash = fc.oneof(
    fc.nat(3),
    fc.nat(3).map((n) => n * 2 ** 20),
    fc.integer(),
  );
  const steps = fc.array(fc.record({ hash, remove: fc.option(fc.nat()) }), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (todo) => {
      const { table: numbers, add, all } = table();
      const held = new Map<number, number>();
      for (const { hash, remove } of todo) {
        held.set(add(hash), hash);
        const victim = remove === null ? undefined : [...held.keys()][remove % held.size];
        if (victim !== undefined) {
          numbers.remove(victim);
          held.delete(victim);
        }
        const expected = [...held].filter(([, other]) => other === hash).map(([id]) => id);
        assert.deepEqual(new Set(all(hash)), new Set(expected));
        assert.equal(numbers.size, held.size);
      }
      for (const [id, hash] of held) assert.ok(all(hash).includes(id));
    }),
    { numRuns: 200 },
  );
});

test('owners: what 64 bits say', () => {
  const kindOf = (owner: bigint): string => ownerKind(ownerHigh(owner), ownerLow(owner));
  assert.equal(kindOf(0n), 'none');
  assert.equal(kindOf(CONTAINER_OWNER), 'container');
  assert.equal(kindOf(BigInt.asIntN(64, 0xff00000000000001n)), 'ttl');
  assert.equal(kindOf(ttlOwner(TTL_MAX_MS)), 'ttl');
  assert.equal(ttlOf(ttlOwner(TTL_MAX_MS)), TTL_MAX_MS);
  assert.equal(kindOf(0x0100_0000_0000_0001n), 'session');
  // A session of server 255, whose time bits follow at once.
  assert.equal(kindOf(BigInt.asIntN(64, 0xff01000000000001n)), 'session');
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (owner) => {
      assert.equal(ownerOf(ownerHigh(owner), ownerLow(owner)), owner);
    }),
  );
});

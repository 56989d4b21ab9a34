import * as fc from 'fast-check';

/* The values that records are made of, those at the edges included. */

export const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
export const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
export const exactLong = fc.oneof(
  fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
  fc.constantFrom(0, -1, -(2 ** 63), -(2 ** 53), 2 ** 32, -(2 ** 32), 0x5_0000_0001),
);
export const zxid = fc.integer({ min: 0, max: 2 ** 53 - 1 });
export const text = fc.string({ unit: 'binary', maxLength: 30 });
export const path = fc.oneof(text, fc.constantFrom('/', '/a', '/zookeeper/config', '/ä/日本', '/x'.repeat(200)));
export const bytes = fc.uint8Array({ maxLength: 40 });
export const data = fc.option(bytes, { nil: null });
export const acl = fc.array(fc.record({ perms: int, scheme: text, id: text }), { maxLength: 3 });
export const texts = fc.array(text, { maxLength: 4 });
export const stat = fc.record({
  czxid: zxid,
  mzxid: zxid,
  ctimeMs: exactLong,
  mtimeMs: exactLong,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: zxid,
});
export const statPersisted = stat.map(({ dataLength: _d, numChildren: _n, ...rest }) => rest);

/* The fields of requests that are made alone and as parts of a multi. */

export const create = { path, data, acl, flags: int };
export const createTtl = { ...create, ttlMs: zxid };
export const pathVersion = { path, version: int };
export const pathWatch = { path, watch: fc.boolean() };
export const setData = { path, data, version: int };

/** One of these types. */
export const of = <T extends number>(...types: T[]): fc.Arbitrary<T> => fc.constantFrom(...types);

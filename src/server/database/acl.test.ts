import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Perm } from '../protocol/opcodes.ts';
import type { Acl, Identity } from '../protocol/records.ts';
import { checkAcl, resolveAcl } from './acl.ts';
import { isInIpRange, parseClientAddress, parseIpAddress, parseIpRange } from './ip-address.ts';

const acl = (...entries: [scheme: string, id: string, perms?: number][]): Acl[] =>
  entries.map(([scheme, id, perms = Perm.all]) => ({ perms, scheme, id }));
const identities = (...entries: [scheme: string, id: string][]): Identity[] =>
  entries.map(([scheme, id]) => ({ scheme, id }));

const checks: [what: string, acl: Acl[], perm: number, identities: Identity[], allowed: boolean][] = [
  ['nobody in particular, an empty ACL', [], Perm.write, [], true],
  ['the world', acl(['world', 'anyone']), Perm.write, [], true],
  ['the world, without that permission', acl(['world', 'anyone', Perm.read]), Perm.write, [], false],
  ['an unknown world', acl(['world', 'someone']), Perm.read, identities(['world', 'someone']), false],
  ['super', acl(['digest', 'u:x', 0]), Perm.admin, identities(['super', '']), true],
  ['the digest', acl(['digest', 'u:x']), Perm.read, identities(['digest', 'u:x']), true],
  ['another digest', acl(['digest', 'u:x']), Perm.read, identities(['digest', 'u:y']), false],
  ['another scheme with that id', acl(['digest', 'u:x']), Perm.read, identities(['ip', 'u:x']), false],
  [
    'the second of two identities',
    acl(['digest', 'u:x']),
    Perm.read,
    identities(['ip', '::1'], ['digest', 'u:x']),
    true,
  ],
  ['an address in the network', acl(['ip', '10.1.0.0/16']), Perm.read, identities(['ip', '10.1.2.3']), true],
  ['an address beside it', acl(['ip', '10.1.0.0/16']), Perm.read, identities(['ip', '10.2.2.3']), false],
  ['a scheme nobody knows', acl(['mad', 'x']), Perm.read, identities(['mad', 'x']), false],
];

for (const [what, list, perm, who, allowed] of checks) {
  test(`${what}: ${allowed ? 'allowed' : 'refused'}`, () => assert.equal(checkAcl(list, perm, who), allowed));
}

test('doubles are dropped, and different permissions are no doubles', () => {
  const list = acl(['world', 'anyone'], ['world', 'anyone', 1], ['world', 'anyone']);
  assert.deepEqual(resolveAcl(list, []), acl(['world', 'anyone'], ['world', 'anyone', 1]));
});

test('an ACL as long as a request is read once, and not once for each of its entries', () => {
  let looks = 0;
  const entry = (perms: number): Acl => ({
    scheme: 'world',
    id: 'anyone',
    get perms() {
      looks++;
      return perms;
    },
  });
  const list = Array.from({ length: 1000 }, (_, i) => entry(i));
  assert.equal(resolveAcl(list, [])?.length, 1000);
  assert.ok(looks < 10 * list.length, `${looks} looks at ${list.length} entries`);
  assert.equal(resolveAcl([...list, entry(1000)], []), undefined);
  // `auth` stands for many: it is what comes of it that counts.
  const who = identities(...Array.from({ length: 100 }, (_, i): [string, string] => ['digest', `u${i}:x`]));
  const auth = (perms: number): Acl => ({ scheme: 'auth', id: '', perms });
  const auths = Array.from({ length: 11 }, (_, i) => auth(i));
  assert.equal(resolveAcl(auths, who), undefined);
  assert.equal(resolveAcl(auths.slice(1), who)?.length, 1000);
});

test('an ACL is read once, and not at every access of a client', () => {
  let looks = 0;
  const entry = (scheme: string, id: string): Acl => ({
    scheme,
    get id() {
      looks++;
      return id;
    },
    perms: Perm.read,
  });
  const list = Array.from({ length: 500 }, (_, i) => [
    entry('ip', `10.${i}.0.0/16`),
    entry('digest', `u${i}:x`),
  ]).flat();
  const client = identities(['ip', '10.3.0.1']);
  const others = Array.from({ length: 100 }, (_, i) => identities(['ip', '11.0.0.1'], ['digest', `v${i}:x`]));
  for (let i = 0; i < 100; i++) {
    assert.ok(checkAcl(list, Perm.read, client));
    assert.ok(!checkAcl(list, Perm.write, client));
    assert.ok(!checkAcl(list, Perm.read, others[i] ?? []));
  }
  assert.ok(looks < 10 * list.length, `${looks} looks at ${list.length} entries`);
});

test('auth stands for what the client has proved', () => {
  const who = identities(['ip', '10.0.0.1'], ['digest', 'u:x'], ['digest', 'v:y']);
  assert.deepEqual(resolveAcl(acl(['auth', '', 3]), who), acl(['digest', 'u:x', 3], ['digest', 'v:y', 3]));
});

const invalid: [what: string, acl: Acl[]][] = [
  ['nothing', []],
  ['auth of a client that proved nothing', acl(['auth', ''])],
  ['another world', acl(['world', 'someone'])],
  ['a digest without a colon', acl(['digest', 'user'])],
  ['a digest with two', acl(['digest', 'a:b:c'])],
  ['a digest with nothing behind the colon', acl(['digest', 'user:'])],
  ['no address', acl(['ip', 'localhost'])],
  ['too many bits', acl(['ip', '10.0.0.0/33'])],
  ['a scheme nobody knows', acl(['mad', 'x'])],
  ['super', acl(['super', ''])],
  ['one bad entry among good ones', acl(['world', 'anyone'], ['ip', ''])],
];
for (const [what, list] of invalid) {
  test(`an ACL of ${what} is invalid`, () => assert.equal(resolveAcl(list, identities(['ip', '10.0.0.1'])), undefined));
}

const addresses: [text: string, bytes: readonly number[] | undefined][] = [
  ['1.2.3.255', [1, 2, 3, 255]],
  ['1.2.3.256', undefined],
  ['1.2.3', undefined],
  ['1.2.3.', undefined],
  ['', undefined],
  ['::', Array<number>(16).fill(0)],
  ['::1', [...Array<number>(15).fill(0), 1]],
  ['1::', [0, 1, ...Array<number>(14).fill(0)]],
  ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
  ['fd00::a:ffff', [0xfd, 0, ...Array<number>(11).fill(0), 10, 255, 255]],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4::5:6:7:8', undefined],
  ['1::2::3', undefined],
  ['12345::', undefined],
  ['1:::2', undefined],
  ['g::', undefined],
  ['::ffff:1.2.3.4', undefined],
];
for (const [text, bytes] of addresses) {
  test(`the address "${text}"`, () => {
    const parsed = parseIpAddress(text);
    assert.deepEqual(parsed === undefined ? undefined : [...parsed], bytes);
  });
}

const ranges: [address: string, range: string, inside: boolean][] = [
  ['10.1.2.3', '0.0.0.0/0', true],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.4', '10.1.2.3', false],
  ['10.1.2.3', '10.1.2.2/31', true],
  ['10.1.2.4', '10.1.2.2/31', false],
  ['10.127.0.0', '10.64.0.0/10', true],
  ['10.128.0.0', '10.64.0.0/10', false],
  ['fd01::5', 'fd00::/8', true],
  ['fe01::5', 'fd00::/8', false],
  ['10.0.0.1', '::/0', false],
  ['::ffff:10.0.0.1', '10.0.0.0/8', true],
];
for (const [address, range, inside] of ranges) {
  test(`${address} is ${inside ? '' : 'not '}in ${range}`, () => {
    const parsed = parseIpRange(range);
    assert.ok(parsed);
    const client = parseClientAddress(address);
    assert.ok(client);
    assert.equal(isInIpRange(client, parsed), inside);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticate } from './auth.ts';

const packet = (scheme: string, auth: string | null) => ({
  type: 0,
  scheme,
  auth: auth === null ? null : Buffer.from(auth),
});

test('digest: user and hash of user:password, as ZooKeeper makes it', () => {
  // From ZooKeeper's own documentation of DigestAuthenticationProvider.
  assert.deepEqual(authenticate(packet('digest', 'super:test'), '10.0.0.1', undefined), [
    { scheme: 'digest', id: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' },
  ]);
});

test('whoever knows the super password is super', () => {
  assert.deepEqual(authenticate(packet('digest', 'super:test'), '10.0.0.1', 'super:D/InIHSb7yEEbrWz8b9l71RjZJU='), [
    { scheme: 'super', id: '' },
    { scheme: 'digest', id: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' },
  ]);
});

test('ip is the address; nothing is proved by an unknown scheme, or by nothing', () => {
  assert.deepEqual(authenticate(packet('ip', null), '10.0.0.1', undefined), [{ scheme: 'ip', id: '10.0.0.1' }]);
  assert.equal(authenticate(packet('digest', null), '10.0.0.1', undefined), undefined);
  for (const scheme of ['super', 'world', 'auth', 'sasl', '']) {
    assert.equal(authenticate(packet(scheme, 'x:y'), '10.0.0.1', undefined), undefined);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDatabase } from '../database/database.ts';
import { OpCode } from '../protocol/opcodes.ts';
import { createAccess } from './access.ts';
import { adminAccess } from './admin-access.ts';

// Of user:password (DigestAuthenticationProvider.generateDigest).
const USER = 'user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=';

test('an administrator is who has every permission on the root', () => {
  const database = createDatabase({ watchSink: () => undefined });
  const ask = (authorization: string | undefined, skipAcl = false, superDigest?: string): string =>
    adminAccess(authorization, '10.0.0.7', database, createAccess(skipAcl), superDigest);
  assert.equal(ask(undefined), 'missing');
  for (const nonsense of ['', 'digest', 'Basic dXNlcg==', 'digest user:password more', 'x509']) {
    assert.equal(ask(nonsense), 'notAuthenticated', nonsense);
  }
  assert.equal(ask('digest anybody:whatever'), 'allowed', 'the root is open to the world at first');
  const header = { sessionId: 1n, cxid: 1, zxid: 1, timeMs: 1, type: OpCode.setACL };
  const acl = [
    { perms: 31, scheme: 'digest', id: USER },
    { perms: 15, scheme: 'world', id: 'anyone' },
    { perms: 31, scheme: 'ip', id: '10.0.0.9' },
  ];
  database.apply(header, { type: OpCode.setACL, path: '/', acl, version: 1 });
  assert.equal(ask('digest user:password'), 'allowed');
  assert.equal(ask('digest user:other'), 'notAuthorized', 'four permissions of five are not enough');
  assert.equal(ask('ip'), 'notAuthorized');
  assert.equal(ask('digest user:other', true), 'allowed', 'skipACL');
  database.apply({ ...header, zxid: 2 }, { type: OpCode.setACL, path: '/', acl: acl.slice(1), version: 2 });
  assert.equal(ask('digest user:password'), 'notAuthorized');
  assert.equal(ask('digest user:password', false, USER), 'allowed', 'the super user');
});

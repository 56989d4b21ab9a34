import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpCode, Perm, ReplyCode } from '../protocol/opcodes.ts';
import { readAcl } from '../protocol/record-codecs.ts';
import { readGetAclResponse } from '../protocol/responses.ts';
import { OPEN_ACL, send, statOf } from './testing/requests.ts';
import { errorOf, replyTo, single } from './testing/single.ts';

test('ACLs: digest users, `auth`, masked hashes, refusals', () => {
  const { ensemble, client } = single();
  const other = ensemble.connected(1);
  send.auth(client, 'digest', 'ann:secret');
  send.create(client, '/own', { acl: [{ perms: Perm.all, scheme: 'auth', id: '' }] });
  send.create(client, '/open', {
    acl: [
      { perms: Perm.read, scheme: 'world', id: 'anyone' },
      { perms: Perm.all, scheme: 'auth', id: '' },
    ],
  });
  ensemble.run();
  assert.equal(errorOf(ensemble, other, send.getData(other, '/own')), ReplyCode.noAuth);
  assert.equal(errorOf(ensemble, other, send.setData(other, '/own', 'x')), ReplyCode.noAuth);
  assert.equal(errorOf(ensemble, other, send.create(other, '/own/x')), ReplyCode.noAuth);
  assert.equal(errorOf(ensemble, other, send.path(other, OpCode.getACL, '/own')), ReplyCode.noAuth);
  const mine = readGetAclResponse(replyTo(ensemble, client, send.path(client, OpCode.getACL, '/own')).body);
  assert.equal(mine.acl.length, 1);
  assert.match(mine.acl[0]?.id ?? '', /^ann:.{28}$/);
  const theirs = readAcl(replyTo(ensemble, other, send.path(other, OpCode.getACL, '/open')).body);
  assert.ok(theirs.some(({ id }) => id === 'ann:x'));
  const set = send.setAcl(client, '/own', OPEN_ACL, 0);
  assert.equal(statOf(replyTo(ensemble, client, set)).aversion, 1);
  assert.equal(errorOf(ensemble, other, send.getData(other, '/own')), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, send.setAcl(client, '/own', OPEN_ACL, 0)), ReplyCode.badVersion);
});

test('the super user may do everything; skipACL lets everybody', () => {
  const digest = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
  const { ensemble, client } = single({ superDigest: digest });
  send.create(client, '/none', { acl: [{ perms: Perm.admin, scheme: 'ip', id: '10.1.1.1' }] });
  assert.equal(errorOf(ensemble, client, send.getData(client, '/none')), ReplyCode.noAuth);
  send.auth(client, 'digest', 'super:test');
  assert.equal(errorOf(ensemble, client, send.getData(client, '/none')), ReplyCode.ok);

  const lax = single({ skipAcl: true });
  send.create(lax.client, '/none', { acl: [{ perms: 0, scheme: 'ip', id: '10.1.1.1' }] });
  assert.equal(errorOf(lax.ensemble, lax.client, send.getData(lax.client, '/none')), ReplyCode.ok);
});

test('an unknown scheme: AuthFailed, then the connection is closed', () => {
  const { ensemble, client } = single();
  send.auth(client, 'nonsense', 'x');
  ensemble.run();
  assert.equal(client.replies.at(-1)?.error, ReplyCode.authFailed);
  assert.match(client.closedBecause ?? '', /authentication/);
});

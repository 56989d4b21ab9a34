import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMultiResponse } from '../protocol/multi.ts';
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

test('what a client says of itself, and goes with each of its writes, has a limit', () => {
  const { ensemble, client } = single();
  for (let i = 0; i < 50; i++) send.auth(client, 'digest', `user${i}:password`);
  ensemble.run();
  assert.equal(client.closedBecause, undefined);
  send.auth(client, 'digest', `${'x'.repeat(600_000)}:password`);
  ensemble.run();
  assert.equal(client.replies.at(-1)?.error, ReplyCode.authFailed);
  assert.match(client.closedBecause ?? '', /identities/);
});

test('a multi does not grow without limit by what `auth` stands for', () => {
  const { ensemble, client } = single();
  for (let i = 0; i < 10; i++) send.auth(client, 'digest', `${i}${'x'.repeat(450)}:password`);
  const creates = (count: number): number =>
    send.multi(
      client,
      Array.from({ length: count }, (_, i) => ({
        type: OpCode.create,
        path: `/${count}-${i}`,
        data: null,
        acl: [{ perms: Perm.all, scheme: 'auth', id: '' }],
        flags: 0,
      })),
    );
  const allowed = readMultiResponse(replyTo(ensemble, client, creates(500)).body);
  assert.ok(allowed.every(({ type }) => type === OpCode.create));
  const refused = readMultiResponse(replyTo(ensemble, client, creates(1500)).body);
  assert.ok(refused.some((result) => result.type === OpCode.error && result.error === ReplyCode.marshallingError));
  assert.equal(errorOf(ensemble, client, send.exists(client, '/1500-0')), ReplyCode.noNode);
});

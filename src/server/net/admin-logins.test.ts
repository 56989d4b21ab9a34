import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { AdminLogins } from './admin-logins.ts';
import type { ServerView } from './server-view.ts';
import { SILENT } from './testing/silent-logger.ts';

/** A server whose only administrator says `right`. */
function logins() {
  const clock = { nowMs: 0 };
  const warnings: unknown[] = [];
  const asked: (string | undefined)[] = [];
  const view: Partial<ServerView> = {
    logger: { ...SILENT, warn: (_message, fields) => void warnings.push(fields) },
    adminAccess: (authorization) => {
      asked.push(authorization);
      if (authorization === undefined) return 'missing';
      return authorization === 'right' ? 'allowed' : 'notAuthorized';
    },
  };
  const guard = new AdminLogins(view as ServerView, () => clock.nowMs);
  const login = (authorization: string | undefined, remoteAddress = '10.0.0.1') =>
    guard.refusalOf({ headers: { authorization }, socket: { remoteAddress } } as unknown as IncomingMessage);
  return { clock, warnings, asked, login };
}

test('whoever guesses has to wait after ten guesses, and is told of twice; nobody else has to', () => {
  const { clock, warnings, asked, login } = logins();
  for (let i = 0; i < 10; i++) assert.equal(login(`guess ${i}`)?.status, 403);
  clock.nowMs = 20_500;
  const refusal = login('right');
  assert.equal(refusal?.status, 429);
  assert.deepEqual(refusal.headers, { 'retry-after': '40' });
  assert.equal(asked.length, 10, 'what comes now is not even looked at');
  assert.equal(login('right', '10.0.0.2'), undefined);
  assert.deepEqual(warnings, [
    { address: '10.0.0.1', access: 'notAuthorized', failures: 1 },
    { address: '10.0.0.1', access: 'notAuthorized', failures: 10 },
  ]);
  clock.nowMs = 60_000;
  assert.equal(login('right'), undefined);
});

test('who brings nothing is asked to, as often as that may be', () => {
  const { warnings, login } = logins();
  for (let i = 0; i < 50; i++) assert.equal(login(undefined)?.status, 401);
  assert.equal(login('right'), undefined);
  assert.deepEqual(warnings, []);
});

test('however many addresses guess, only so many are kept in mind', () => {
  const { login } = logins();
  for (let i = 0; i < 10; i++) login('wrong', 'first');
  for (let i = 0; i < 1000; i++) login('wrong', `address ${i}`);
  assert.equal(login('right', 'first'), undefined);
});

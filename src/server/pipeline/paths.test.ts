import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isValidPath, parentOfDeleted, parentPath, sequentialPath } from './paths.ts';

test('the paths that ZooKeeper accepts, and those that it refuses', () => {
  for (const path of ['/', '/a', '/a/b', '/a.b', '/..a', '/a..', '/.a', '/...', '/ä', '/a b', '/\u{d7ff}', '/\ufeff']) {
    assert.ok(isValidPath(path), path);
  }
  const refused = ['', 'a', '/a/', '//', '/a//b', '/.', '/..', '/a/.', '/a/../b', '/./a', '/a\0', '/\u0001', '/\u007f'];
  for (const path of [...refused, '/\u009f', '/\ud800', '/\uf8ff', '/\ufff0', '/\uffff', '/\u{1f600}']) {
    assert.ok(!isValidPath(path), JSON.stringify(path));
  }
});

test('parents', () => {
  assert.equal(parentPath('/a'), '/');
  assert.equal(parentPath('/a/b'), '/a');
  assert.equal(parentPath('a'), undefined);
  assert.equal(parentPath('/a\0'), undefined);
  assert.equal(parentOfDeleted('/zookeeper/config'), undefined);
  assert.equal(parentOfDeleted('/'), undefined);
  assert.equal(parentOfDeleted('/zookeeper/quota/a'), '/zookeeper/quota');
});

test('a sequential name has ten digits, and a sign where the counter has wrapped', () => {
  assert.equal(sequentialPath('/q-', 7), '/q-0000000007');
  assert.equal(sequentialPath('/q-', 2147483647), '/q-2147483647');
  assert.equal(sequentialPath('/q-', -2147483648), '/q--2147483648');
  assert.equal(sequentialPath('/q-', -5), '/q--000000005');
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CodedError } from '../../common/errors.ts';
import { readEpoch } from './epoch-files.ts';
import { NodeDisk } from './node-disk.ts';

test('a file that somebody else has removed first is removed', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'disk-'));
  t.after(() => rmSync(directory, { recursive: true }));
  new NodeDisk(directory).remove('saving.snapshot.5');
});

test('a file that the system cannot look up is not taken for one that is not there', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'disk-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const disk = new NodeDisk(directory);
  assert.equal(readEpoch(disk, 'acceptedEpoch'), undefined);
  symlinkSync('acceptedEpoch', join(directory, 'acceptedEpoch'));
  assert.throws(
    () => readEpoch(disk, 'acceptedEpoch'),
    (error) => error instanceof CodedError && error.code === 'ZK_STORAGE_FAILED',
  );
});

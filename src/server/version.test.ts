import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FULL_VERSION, VERSION } from './version.ts';

test('the version is that of package.json, in a form that clients can read', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.equal(VERSION, manifest.version);
  // go-zookeeper's expression for the first line of `srvr`.
  assert.match(FULL_VERSION, /^[A-Za-z0-9.-]+, built on \d\d\/\d\d\/\d{4} \d\d:\d\d [A-Za-z0-9:+-]+$/);
});

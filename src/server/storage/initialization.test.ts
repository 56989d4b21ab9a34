import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultDisk, SimulatedCrash } from './fault-disk.ts';
import { INITIALIZE_FILE, MEMBER_FILE } from './formats/file-names.ts';
import * as initialization from './initialization.ts';
import { seededRandom } from './testing/test-storage.ts';

/** Every operation of the disk at which it can end, and one behind the last. */
const OPERATIONS = 6;
/** What survives a crash of the machine is a matter of chance. */
const SEEDS = 50;

/** What the machine has when it is started again after `work`, which ends early at the given operation. */
function* crashes(work: (disk: FaultDisk) => void): Generator<{ disk: FaultDisk; ended: boolean }> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (let operation = 1; operation <= OPERATIONS; operation++) {
      const disk = new FaultDisk();
      initialization.allow(disk);
      const before = disk.operations;
      disk.plan = (number) => (number === before + operation ? 'crash' : 'go');
      const ended = ends(() => work(disk));
      disk.plan = () => 'go';
      disk.crash(seededRandom(seed));
      yield { disk, ended };
    }
  }
}

function ends(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
    return false;
  }
}

test('a machine that loses its power does not forget that it had a member, and before there is one it may begin', () => {
  const outcomes = new Set<string>();
  for (const { disk, ended } of crashes((before) => initialization.end(before, true))) {
    const names = [...disk.list()].toSorted().join(' ');
    outcomes.add(`${ended ? 'ended' : 'crashed'}: ${names}`);
  }
  assert.deepEqual(
    [...outcomes].toSorted(),
    [
      `crashed: ${MEMBER_FILE}`,
      `crashed: ${MEMBER_FILE} ${INITIALIZE_FILE}`,
      `crashed: ${INITIALIZE_FILE}`,
      `ended: ${MEMBER_FILE}`,
    ].toSorted(),
  );
});

test('what a killed process did not come to is made up for by the next one', () => {
  const killedBeforeItsSync = (disk: FaultDisk): void => {
    const { plan } = disk;
    disk.plan = (_number, what) => (what === 'sync directory' ? 'crash' : 'go');
    assert.equal(
      ends(() => initialization.end(disk, true)),
      false,
    );
    disk.plan = plan;
    initialization.end(disk, true);
  };
  for (const { disk, ended } of crashes(killedBeforeItsSync)) {
    if (ended) assert.deepEqual(disk.list(), [MEMBER_FILE]);
    else assert.notDeepEqual(disk.list(), []);
  }
});

test('where an empty disk may vote anyway there is nothing to remember', () => {
  const disk = new FaultDisk();
  initialization.allow(disk);
  initialization.end(disk, false);
  assert.deepEqual(disk.list(), []);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, symlink, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { serverUnderTest } from '../support/server-programs.ts';
import { unnoticedBy } from './bystander.ts';
import { ConnectionClosed, RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';
import { readTree } from './raw/tree.ts';

const subject = serverUnderTest();
const run = promisify(execFile);
const megabyte = 1024 * 1024;

/** A small file system of its own, in a file. */
interface SmallDisk {
  readonly mountPoint: string;
  remove(): Promise<void>;
}

/**
 * An ext4 in a file. With `backingBytes`, the file lies on a tmpfs of that size: the file system then believes in more space
 * than there is, and writes beyond it fail with an I/O error when they are synced.
 */
async function smallDisk(sizeBytes: number, backingBytes?: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'zabkeeper-disk-'));
  const mountPoint = join(directory, 'mounted');
  const backing = join(directory, 'backing');
  await Promise.all([mkdir(mountPoint), mkdir(backing)]);
  const unmount = (path: string): Promise<unknown> => run('umount', ['-l', path]).catch(() => undefined);
  const remove = async (): Promise<void> => {
    await unmount(mountPoint);
    if (backingBytes !== undefined) await unmount(backing);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    if (backingBytes !== undefined) await run('mount', ['-t', 'tmpfs', '-o', `size=${backingBytes}`, 'none', backing]);
    const image = join(backing, 'image');
    await (await open(image, 'w')).close();
    await truncate(image, sizeBytes);
    // A small journal: it counts against the backing as well.
    await run('mkfs.ext4', ['-q', '-F', '-J', 'size=1', '-E', 'lazy_itable_init=0', image]);
    await run('mount', ['-o', 'loop', image, mountPoint]);
  } catch (error) {
    await remove();
    throw error;
  }
  return { mountPoint, remove };
}

/** Whether this machine lets us mount a file system. */
async function whyNoMount(): Promise<string | false> {
  try {
    await (await smallDisk(8 * megabyte)).remove();
    return false;
  } catch (error) {
    return `needs root and a loop device: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Puts one member's data on the small disk, before it has ever been started. */
async function moveOnto(member: Member, disk: SmallDisk): Promise<void> {
  await mkdir(member.spec.directory, { recursive: true });
  for (const path of [member.dataDir, member.dataLogDir]) {
    const target = join(disk.mountPoint, basename(path));
    await mkdir(target);
    await symlink(target, path);
  }
}

function bigData(path: string, round: number): Buffer {
  return Buffer.alloc(200_000, `${path} ${round}.`);
}

/** More than either disk can hold. */
const roundsMax = 100;

/** Overwrites a few big nodes through this connection until the member has stopped; returns the round that was acknowledged last. */
async function writeUntilStopped(port: number, victim: Member): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>();
  const connection = await RawConnection.open({ port });
  const paths = Array.from({ length: 8 }, (_, index) => `/big-${index}`);
  for (const path of paths) await connection.do({ op: 'create', path, data: null, acl: worldAll, flags: 0 });
  try {
    for (let round = 0; round < roundsMax && victim.isRunning; round++) {
      await Promise.all(
        paths.map(async (path) => {
          await connection.do({ op: 'setData', path, data: bigData(path, round), version: -1 });
          acknowledged.set(path, round);
        }),
      );
    }
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error; // an election closes it
  } finally {
    await connection.drop();
  }
  return acknowledged;
}

const faults = {
  'a full disk': () => smallDisk(100 * megabyte),
  'a disk that fails to write': () => smallDisk(400 * megabyte, 40 * megabyte),
};

const skip = await whyNoMount();

describe(`one member's disk (${subject})`, { skip }, () => {
  for (const [name, makeDisk] of Object.entries(faults)) {
    for (const role of ['follower', 'leader'] as const) {
      it(
        `${name}, under the ${role}: it stops, the others go on, nothing acknowledged is lost`,
        { timeout: 120_000 },
        async () => {
          const disk = await makeDisk();
          // Nothing is purged: what a member writes over and over would find room for ever.
          const settings = { 'autopurge.purgeInterval': 0 };
          const ensemble = await Ensemble.prepare({ kind: subject, settings });
          // Of two with equal histories the one with the higher id leads, and goes on to when the third one comes.
          const victim = ensemble.member(role === 'leader' ? 3 : 1);
          const others = ensemble.members.filter((member) => member !== victim);
          try {
            await moveOnto(victim, disk);
            const [first, second] = [ensemble.member(2), ensemble.member(3)];
            await Promise.all([first, second].map((member) => member.start()));
            await ensemble.untilServing();
            await ensemble.member(1).start();
            await ensemble.untilServing();
            assert.equal(await ensemble.leader(), second);
            const ports = others.map((member) => member.clientPort);
            let acknowledged = new Map<string, number>();
            const fill = async (): Promise<void> => {
              acknowledged = await writeUntilStopped(ports[0] ?? 0, victim);
            };
            // Who is a client of the others notices nothing of a follower; a leader's end costs everybody an election.
            if (role === 'follower') await unnoticedBy(ports, fill);
            else await fill();
            assert.equal(acknowledged.size, 8);
            if (subject === 'apache') {
              await victim.kill(); // it stays, without acknowledging anything more (ZOOKEEPER-1621)
            } else {
              const exit = await victim.untilExit();
              assert.notEqual(exit?.code, 0, 'it ends with an error');
              assert.match(await victim.logTail(200), /ZK_STORAGE_FAILED/);
            }

            await ensemble.untilServing();
            for (const port of ports) {
              const reader = await RawConnection.open({ port });
              const tree = await readTree(reader);
              for (const [path, round] of acknowledged) {
                // The round after it may have been written without an answer.
                const possible = [round, round + 1].map((count) => bigData(path, count).toString());
                assert.ok(
                  possible.includes(tree.get(path)?.data ?? ''),
                  `${path} holds neither round ${round} nor the next`,
                );
              }
              await reader.close();
            }
          } finally {
            await ensemble.stop();
            await disk.remove();
          }
        },
      );
    }
  }
});

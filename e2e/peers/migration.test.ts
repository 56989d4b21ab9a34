import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { fourLetterWord } from '../support/four-letter.ts';
import type { Member } from '../support/member.ts';
import type { ServerKind } from '../support/server-programs.ts';
import { waitFor } from '../support/wait-for.ts';
import { storedFiles } from './apache-tools.ts';
import { NumberedWriter, readWritten } from './numbered-writer.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';
import { SynchronizationWatch, type Synchronization } from './synchronization.ts';
import { changeWatched, isWitnessed, Witness } from './witness.ts';

const settings = {
  tickTime: 1000,
  // Nobody gives up, and no session expires, because a busy machine starts one JVM after the other.
  initLimit: 20,
  syncLimit: 20,
  minSessionTimeout: 60_000,
  maxSessionTimeout: 60_000,
  // All that is written here can be had by DIFF; what needs SNAP is a disk without anything.
  commitLogCount: 50_000,
  // In KiB. The log is read whole here, which by default is 64 MiB of nothing.
  preAllocSize: 256,
};
const writerThinkTimeMs = 10;

/** A live ensemble, with a writer that goes on through everything and a witness that sits where the next move is. */
class Migration {
  readonly ensemble: Ensemble;
  readonly writer: NumberedWriter;
  #witness: Witness | undefined;
  #moves = 0;

  constructor(ensemble: Ensemble) {
    this.ensemble = ensemble;
    const ports = ensemble.members.map((member) => member.clientPort);
    this.writer = new NumberedWriter(ports, writerThinkTimeMs);
  }

  get kinds(): string {
    return this.ensemble.members.map(({ spec }) => spec.kind).join(' ');
  }

  /** Starts the members so that the last one leads: it is there when the first quorum forms, and has the highest id. */
  async begin(): Promise<void> {
    const [first, ...others] = this.ensemble.members;
    await Promise.all(others.map((member) => member.start()));
    await this.ensemble.untilServing();
    await first?.start();
    await first?.untilServing();
    const { clientPort } = this.ensemble.member(1);
    const connection = await RawConnection.open({ port: clientPort });
    await connection.do({ op: 'create', path: '/written', data: null, acl: worldAll, flags: 0 });
    await connection.close();
    this.#witness = await Witness.begin(clientPort);
    this.writer.start();
  }

  /**
   * Stops a member, and lets a server of this kind go on in its place with what is on its disk, or with nothing.
   * @returns how the leader brought it up to date
   */
  async move(id: number, to: ServerKind, disk: 'kept' | 'lost' = 'kept'): Promise<Synchronization | undefined> {
    const { ensemble, writer } = this;
    await this.#witness?.moveTo(ensemble.member(id).clientPort);
    await writer.untilMore(20);
    await ensemble.member(id).stop();
    const refuge = ensemble.members.find((member) => member.isRunning);
    assert.ok(refuge !== undefined);
    await ensemble.untilServing();
    const change = (): Promise<void> => changeWatched(refuge.clientPort);
    // The watch fires for what happens after the move, and as much for what has happened on the way.
    const changesOnTheWay = this.#moves++ % 2 === 0;
    await this.#witness?.moveTo(refuge.clientPort, changesOnTheWay ? change : undefined);
    if (!changesOnTheWay) await change();
    await this.#witness?.untilTold();
    await writer.untilMore(20);

    const successor = ensemble.replace(id, to);
    if (disk === 'lost') await successor.wipe();
    const synchronization = await this.#startLearner(successor);
    await writer.untilMore(20);
    return synchronization;
  }

  /**
   * Lets the leader log writes that nobody else gets, ends all members, and starts first those that know nothing of the writes,
   * whose leader is then `heir`; the old leader has to cut off what it has.
   * @returns how the heir brought the old leader up to date
   */
  async cutTail(heir: number): Promise<Synchronization | undefined> {
    const { ensemble, writer } = this;
    await writer.pause();
    const leader = await ensemble.leader();
    await this.#witness?.moveTo(leader.clientPort);
    const connection = await RawConnection.open({ port: leader.clientPort });
    await waitFor('all members have applied the same', async () => {
      const zxids = await Promise.all(ensemble.members.map((member) => lastZxid(member)));
      return new Set(zxids).size === 1;
    });
    const others = await ensemble.followers();
    for (const other of others) await other.signal('SIGSTOP', { untilExit: false });
    const tail = Array.from({ length: 7 }, (_, i) => `/tail-${heir}-${i}`);
    for (const path of tail) {
      const lost = connection.request({ op: 'create', path, data: null, acl: worldAll, flags: 0 });
      void lost.catch(() => undefined); // nobody ever answers
    }
    await waitFor('the leader has logged what nobody else has', () => isLogged(leader, tail.at(-1) ?? ''));
    await Promise.all(ensemble.members.map((member) => member.kill()));

    await Promise.all(others.map((other) => other.start()));
    await ensemble.untilServing();
    assert.equal((await ensemble.leader()).spec.id, heir);
    const synchronization = await this.#startLearner(leader);
    for (const { clientPort } of ensemble.members) {
      const reader = await RawConnection.open({ port: clientPort });
      const { children } = await reader.do({ op: 'getChildren', path: '/', watch: false });
      const left = children?.filter((child) => child?.startsWith('tail'));
      assert.deepEqual(left, [], `not cut off at ${clientPort}`);
      await reader.close();
    }
    await this.#witness?.moveTo(leader.clientPort, () => changeWatched(leader.clientPort));
    await this.#witness?.untilTold();
    writer.start();
    await writer.untilMore(20);
    return synchronization;
  }

  /** Everything acknowledged is there, and the same, whichever member is asked. */
  async check(): Promise<void> {
    const { ensemble, writer } = this;
    await writer.pause();
    const readings = await Promise.all(
      ensemble.members.map(async ({ clientPort }) => {
        const reader = await RawConnection.open({ port: clientPort });
        const written = await readWritten(reader);
        await reader.close();
        return written;
      }),
    );
    const [first, ...others] = readings;
    assert.ok(first !== undefined);
    for (const path of writer.acknowledged) assert.equal(first.get(path)?.data, path, 'acknowledged');
    for (const other of others) assert.deepEqual(other, first);
    writer.start();
  }

  async end(): Promise<void> {
    await this.#witness?.end();
    for (const { clientPort } of this.ensemble.members) assert.equal(await isWitnessed(clientPort), false);
    await this.writer.stop();
  }

  async #startLearner(learner: Member): Promise<Synchronization | undefined> {
    const watch = await SynchronizationWatch.begin(this.ensemble.members, learner);
    await learner.start();
    await learner.untilServing();
    return watch.first();
  }
}

async function lastZxid(member: Member): Promise<string | undefined> {
  return /^Zxid: (.*)$/m.exec(await fourLetterWord(member.clientPort, 'srvr'))?.[1];
}

async function isLogged(member: Member, text: string): Promise<boolean> {
  const newest = (await storedFiles(member.dataLogDir, 'log')).at(-1);
  return newest !== undefined && (await readFile(newest.path)).includes(text);
}

describe('a live ensemble moves from Apache ZooKeeper to ours and back, member by member', () => {
  it('loses nothing, and its clients hardly notice', { timeout: 240_000 }, async (t) => {
    const ensemble = await Ensemble.prepare({ kind: 'apache', settings });
    const startMs = performance.now();
    try {
      const migration = new Migration(ensemble);
      const leaderIs = async (kind: ServerKind, id?: number): Promise<void> => {
        const { spec } = await ensemble.leader();
        assert.equal(spec.kind, kind);
        if (id !== undefined) assert.equal(spec.id, id);
        t.diagnostic(`${migration.kinds}, ${kind} leads: after ${Math.round((performance.now() - startMs) / 1000)} s`);
      };
      await migration.begin();
      await leaderIs('apache', 3);

      // There: Apache ZooKeeper leads until it is the last of its kind.
      assert.equal(await migration.move(1, 'ours'), 'DIFF');
      assert.equal(await migration.move(2, 'ours', 'lost'), 'SNAP');
      await leaderIs('apache', 3);
      await migration.check();
      await migration.move(3, 'ours');
      await leaderIs('ours');
      await migration.check();

      // Back: it follows, then each kind in turn leads and has the other cut off what had not got through.
      assert.equal(await migration.move(3, 'apache', 'lost'), 'SNAP');
      await leaderIs('ours');
      assert.equal(await migration.cutTail(3), 'TRUNC');
      await leaderIs('apache', 3);
      await migration.check();
      assert.equal(await migration.cutTail(2), 'TRUNC');
      await leaderIs('ours', 2);
      await migration.check();
      assert.equal(await migration.move(1, 'apache'), 'DIFF');
      await migration.move(2, 'apache');
      await leaderIs('apache');
      assert.equal(migration.kinds, 'apache apache apache');
      await migration.check();
      await migration.end();
      t.diagnostic(`${migration.writer.acknowledged.length} acknowledged creates`);
    } finally {
      await ensemble.stop();
    }
  });
});

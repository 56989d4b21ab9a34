import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { createDatabase } from '../../src/server/database/database.ts';
import { Model } from '../../src/server/database/testing/model.ts';
import { contentOf, drain, readContent } from '../../src/server/database/testing/snapshots.ts';
import { transactions, type Transaction } from '../../src/server/database/testing/transactions.ts';
import type { Database } from '../../src/server/database/types.ts';
import { JuteReader } from '../../src/server/protocol/jute-reader.ts';
import { JuteWriter } from '../../src/server/protocol/jute-writer.ts';
import { OpCode } from '../../src/server/protocol/opcodes.ts';
import { encodeLogEntry } from '../../src/server/protocol/transaction-codec.ts';
import type { Txn } from '../../src/server/protocol/transactions.ts';
import { runProgram } from '../support/run-program.ts';
import { javaCommand, shortLivedJvm } from '../support/server-programs.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const historyCount = 400;

interface History {
  /** The snapshot to begin with; empty for a new tree. */
  readonly body: Uint8Array;
  readonly transactions: readonly Transaction[];
}

const newDatabase = (): Database => createDatabase({ watchSink: () => {}, keepDigest: true });

/**
 * Without what no leader proposes: a check on its own, and the deletion of a znode with children: ZooKeeper leaves the children behind in
 * no directory, we do not.
 */
function withoutOrphans(history: readonly Transaction[]): Transaction[] {
  const model = new Model();
  return history.filter(({ header, txn }) => {
    if (txn.type === OpCode.check) return false;
    const parts = txn.type === OpCode.multi ? txn.parts : [txn];
    const deleted = parts.flatMap((part) => {
      if (part.type === OpCode.closeSession) return [...(part.paths ?? []), ...model.ephemeralsOf(header.sessionId)];
      return part.type === OpCode.delete || part.type === OpCode.deleteContainer ? [part.path] : [];
    });
    const created = parts.flatMap((part) => ('parentCVersion' in part ? [part.path] : []));
    const present = [...model.znodes.keys(), ...created];
    if (deleted.some((path) => present.some((other) => other.startsWith(`${path}/`)))) return false;
    model.apply(header, txn);
    return true;
  });
}

function describe(txn: Txn): string {
  return JSON.stringify(txn, (key, value: unknown) => (key === 'data' ? undefined : value));
}

function encode(histories: readonly History[]): Uint8Array {
  const writer = new JuteWriter();
  writer.writeInt(histories.length);
  for (const { body, transactions } of histories) {
    writer.writeBuffer(body);
    writer.writeInt(transactions.length);
    for (const { header, txn } of transactions) writer.writeBuffer(encodeLogEntry(header, txn).bytes);
  }
  return writer.copy();
}

it(`applies transactions as Apache ZooKeeper's DataTree does (SEED=${seed})`, { timeout: 120_000 }, async () => {
  const samples = fc.sample(transactions, { seed, numRuns: historyCount }).map(withoutOrphans);
  const half = (all: readonly Transaction[]): number => Math.floor(all.length / 2);
  const histories = samples.map((all, i): History => {
    if (i % 2 === 0) return { body: new Uint8Array(0), transactions: all };
    // The first half comes as a snapshot.
    const database = newDatabase();
    for (const { header, txn } of all.slice(0, half(all))) database.apply(header, txn);
    return { body: drain(database.snapshot()), transactions: all.slice(half(all)) };
  });
  const directory = await mkdtemp(join(tmpdir(), 'data-tree-'));
  try {
    await writeFile(join(directory, 'in'), encode(histories));
    const jvm = [...shortLivedJvm, '-Dzookeeper.extendedTypesEnabled=true'];
    const files = [join(directory, 'in'), join(directory, 'out')];
    const { exitCode, output } = await runProgram({
      ...javaCommand('ApplyTransactions', files, jvm),
      timeoutMs: 100_000,
    });
    assert.equal(exitCode, 0, output);
    const answers = new JuteReader(await readFile(join(directory, 'out')));
    for (const [i, { body, transactions }] of histories.entries()) {
      const database = newDatabase();
      if (body.length > 0) {
        const loader = database.loader();
        loader.push(body);
        loader.finish(1, undefined);
      }
      for (const { header, txn } of transactions) {
        const where = `history ${i}, zxid ${header.zxid}, ${describe(txn)}`;
        const result = database.apply(header, txn);
        assert.equal(result.error, answers.readInt(), where);
        const parts = Array.from({ length: answers.readInt() }, () => answers.readInt());
        assert.deepEqual(
          (result.parts ?? []).map((part) => part.error),
          parts,
          where,
        );
        assert.equal(database.digest(), answers.readLong(), where);
      }
      const theirs = answers.readBuffer();
      assert.ok(theirs);
      assert.deepEqual(contentOf(database), readContent(theirs), `history ${i}`);
      const loaded = newDatabase();
      const loader = loaded.loader();
      loader.push(theirs);
      loader.finish(database.lastZxid, database.digest());
      assert.deepEqual(contentOf(loaded), contentOf(database));
    }
    assert.equal(answers.remaining, 0);
  } finally {
    await rm(directory, { recursive: true });
  }
});

import { parentPort, workerData } from 'node:worker_threads';
import { CodedError, assert } from '../../common/errors.ts';
import { StorageCounters } from './counters.ts';
import { StorageEngine } from './engine.ts';
import { savingName } from './formats/file-names.ts';
import { FRAME_HEADER_BYTES, FrameType, decodeDigest, decodeFrameHeader } from './frames.ts';
import { NodeDisk } from './node-disk.ts';
import { RingReader } from './ring.ts';
import { OUT_OF_DATE, SnapshotWriter } from './snapshot-files.ts';
import type { LogWorkerMessage, SnapshotWorkerMessage, SnapshotWorkerRequest, WorkerStart } from './worker-messages.ts';

/*
 * The worker threads of the storage, in one file because it is bundled as one. The log's worker lives as long as the
 * server and does nothing but wait for the ring and the disk; a snapshot's worker lives while one is written, so that
 * its syncs never stand between a client's write and the log.
 */

const port = parentPort;
assert(port !== null, 'log-worker is the code of worker threads');
const start = workerData as WorkerStart;
if (start.role === 'log') runLog(start, (message) => port.postMessage(message));
else runSnapshot(start, port);

function runLog(start: WorkerStart & { role: 'log' }, tell: (message: LogWorkerMessage) => void): void {
  const snapshots = NodeDisk.create(start.snapshotDirectory);
  const logs = start.logDirectory === start.snapshotDirectory ? snapshots : NodeDisk.create(start.logDirectory);
  const environment = {
    settings: start.settings,
    counters: new StorageCounters(new Float64Array(start.counters)),
    nowMs: () => performance.now(),
    warn: (message: string) => tell({ type: 'warning', message }),
  };
  const open = (lastZxid: number): StorageEngine => new StorageEngine({ snapshots, logs }, lastZxid, environment);
  try {
    serve(new RingReader(start.ring), open);
  } catch (error) {
    const code = error instanceof CodedError ? error.code : 'ZK_STORAGE_FAILED';
    tell({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  }
}

/** Takes what is in the ring, makes it durable together, reports it, and so on until `close`. */
function serve(ring: RingReader, open: (lastZxid: number) => StorageEngine): void {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const headerView = new DataView(header.buffer);
  let scratch = new Uint8Array(64 * 1024);
  let engine: StorageEngine | undefined;
  for (;;) {
    ring.wait();
    let ended = 0;
    // What arrives while this loop runs has to wait for the next sync: otherwise nobody might ever be answered.
    for (let left = ring.available(); left > 0;) {
      ring.read(header);
      const { length, type, number } = decodeFrameHeader(headerView);
      if (length > scratch.length) scratch = new Uint8Array(length);
      const payload = scratch.subarray(0, length);
      ring.read(payload);
      left -= FRAME_HEADER_BYTES + length;
      if (type === FrameType.open) {
        engine = open(number);
        continue;
      }
      assert(engine !== undefined, 'the storage was not recovered');
      if (type === FrameType.close) {
        engine.close();
        ring.complete(ended);
        return;
      }
      if (type === FrameType.end) ended++;
      else carryOut(engine, type, number, payload);
    }
    engine?.commit();
    if (ended > 0) ring.complete(ended);
  }
}

function carryOut(engine: StorageEngine, type: number, number: number, payload: Uint8Array): void {
  if (type === FrameType.append) engine.append({ zxid: number, bytes: payload });
  else if (type === FrameType.acceptedEpoch) engine.writeEpoch('acceptedEpoch', number);
  else if (type === FrameType.currentEpoch) engine.writeEpoch('currentEpoch', number);
  else if (type === FrameType.truncate) engine.truncate(number);
  else if (type === FrameType.beginInstall) engine.beginInstall(number);
  else if (type === FrameType.installChunk) engine.installChunk(payload);
  else if (type === FrameType.endInstall) engine.endInstall(decodeDigest(payload));
  else if (type === FrameType.roll) engine.roll();
  else if (type === FrameType.publish) engine.publishSnapshot(number);
  else throw new CodedError('ZK_ASSERTION', `frame type ${type} in the log's ring`);
}

function runSnapshot(start: WorkerStart & { role: 'snapshot' }, port: NonNullable<typeof parentPort>): void {
  const tell = (message: SnapshotWorkerMessage): void => port.postMessage(message);
  const giveUp = (reason: string): void => {
    tell({ type: 'abandoned', reason });
    port.close();
  };
  let writer: SnapshotWriter;
  try {
    writer = new SnapshotWriter(NodeDisk.create(start.directory), savingName(start.zxid), start.zxid);
  } catch (error) {
    giveUp(String(error));
    return;
  }
  port.on('message', (request: SnapshotWorkerRequest) => {
    try {
      if (request.type === 'chunk') {
        writer.push(request.bytes);
        tell({ type: 'next' });
      } else if (request.type === 'end') {
        tell({ type: 'written', bytes: writer.finish(request.digest) });
      } else if (request.type === 'keep') {
        port.close();
      } else {
        writer.abandon();
        giveUp(OUT_OF_DATE);
      }
    } catch (error) {
      writer.abandon();
      giveUp(error instanceof Error ? error.message : String(error));
    }
  });
  tell({ type: 'next' });
}

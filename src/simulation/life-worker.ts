import { parentPort } from 'node:worker_threads';
import { live } from './life.ts';

/** A thread that lives the seeds that it is sent, until it is sent none. */
parentPort?.on('message', (seed: number | undefined) => {
  if (seed === undefined) parentPort?.close();
  else parentPort?.postMessage(live(seed));
});

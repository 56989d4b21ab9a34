import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 2;

/** Waits until the condition gives something truthy, and returns it. Fails the test, naming what it waited for, if it never does. */
export async function until<T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (performance.now() < deadlineMs) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value;
    await delay(LOOK_AGAIN_MS);
  }
  assert.fail(`waited ${PATIENCE_MS} ms in vain until ${what}`);
}

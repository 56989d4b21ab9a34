import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

/** Plays a scenario and returns its lines. */
export type Scenario = () => readonly string[];

/**
 * Declares a test that compares a scenario's lines with the transcript of its name in this folder of `transcripts`, or writes
 * that anew under UPDATE_TRANSCRIPTS=1.
 */
export function transcriptsIn(folder: string): (name: string, run: Scenario) => void {
  return (name, run) => {
    void test(`transcript: ${name}`, () => {
      const file = new URL(`../transcripts/${folder}/${name.replaceAll(/[ ,]+/g, '-')}.txt`, import.meta.url);
      const lines = `${run().join('\n')}\n`;
      if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync(file, lines);
      assert.equal(lines, existsSync(file) ? readFileSync(file, 'utf8') : '', `see ${file.pathname}`);
    });
  };
}

/** One place that a flaw changes: in `file` (below `src`), `from`, which stands there exactly once, becomes `to`. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A test: its file (below `src`) and its name there. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** A flaw to sow into the server. */
export interface Mutation {
  readonly name: string;
  readonly edits: readonly Edit[];
  /**
   * The scenario whose lives do not go well with this flaw; or a test, where that takes more coincidences than a simulated
   * life has, or where nothing else needs what is broken to be safe.
   */
  readonly shownBy: string | NamedTest;
}

export function edit(file: string, from: string, to: string): Edit {
  return { file: `server/${file}`, from, to };
}

export function transcript(group: string, name: string): NamedTest {
  return { file: `server/zab/transcripts/${group}.test.ts`, name: `transcript: ${name}` };
}

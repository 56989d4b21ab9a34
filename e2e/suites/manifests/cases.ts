/** A manifest that `kubectl apply` must refuse. */
export interface WrongManifest {
  readonly spec: object;
  readonly name?: string;
  /** Applied before it: the mistake is the change. */
  readonly after?: object;
  /** What the answer must say. */
  readonly sentence: RegExp;
}

/** By what is wrong with them. */
export type WrongManifests = Readonly<Record<string, WrongManifest>>;

// What the operator tells the programs in a member's pod by their environment.

/**
 * `true` once the ensemble has been formed: whoever has an empty disk has lost what was on it, and must not begin anew. Kubernetes asks
 * for it whenever a container starts, so that a pod is told that was made before.
 */
export const FORMED_VARIABLE = 'ZABKEEPER_FORMED';

/** For how many milliseconds a server goes on serving that is told to end. */
export const STOP_DELAY_VARIABLE = 'ZABKEEPER_STOP_DELAY_MS';

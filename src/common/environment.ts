// What the operator tells the programs in a member's pod by their environment.

/** For how many milliseconds a server goes on serving that is told to end. */
export const STOP_DELAY_VARIABLE = 'ZABKEEPER_STOP_DELAY_MS';

/** @file Helper threads need a moment to come up, and only then take part: a run before that is one thread's, and proves nothing of others. */
export const helpersUp = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));

// What an engine ends in favour of another writer (a deadlock, a busy file) did nothing, and is simply done again.

const tries = 40;
const pauseMs = 50;

/** Tries again, without blocking, what met a deadlock or another writer; gives up after about two seconds. */
export async function retryWhenBusy<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (attempt === tries || !isDeadlock(thrown)) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function isDeadlock(thrown: unknown): boolean {
  return ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT'].includes(errorCodeOf(thrown));
}

/** The engine's name for an error, '' when it has none. */
export function errorCodeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

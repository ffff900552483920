// Rows of a statement that is a spreadsheet, .xls or .xlsx. The work is done in a thread of its own (read-workbook-thread)
// with a limit to its memory: whatever a file does there, the process goes on and the file is refused.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { WorkbookAnswer, WorkbookProblem, WorkbookTask } from './read-workbook-thread.ts';
import { badFile, type FileRow, headerWithin, mostRows } from './statement.ts';

const memoryMb = 512;
const patienceMs = 120_000;

const words: Readonly<Record<WorkbookProblem | 'slow', string>> = {
  locked: 'The file is protected with a password. Open it, save it without one, and give that.',
  bomb: 'The file unpacks to far more than a statement has. Export the statement again.',
  unreadable: 'The spreadsheet is damaged and cannot be read. Export the statement again.',
  noSheet: 'The spreadsheet has no sheet. Export the statement again.',
  slow: 'The spreadsheet took longer than two minutes to open. Export it as CSV, or a shorter period.',
  noWorkbook: 'This is a zip, but no Excel file. Unpack it and give the statement inside.',
};

/** @throws AppError for a file that is no spreadsheet, or more than can be opened */
export async function* readWorkbook(
  bytes: AsyncIterable<Uint8Array>,
  fileType: 'xls' | 'xlsx',
): AsyncGenerator<FileRow> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  const task: WorkbookTask = { bytes: whole(pieces), isZip: fileType === 'xlsx', mostRows, headerWithin };
  const thread = startThread(task);
  try {
    for (;;) {
      const answer = await thread.next();
      if ('problem' in answer) throw badFile(words[answer.problem]);
      if (answer.rows.length === 0) return;
      yield* answer.rows;
      thread.ask();
    }
  } finally {
    await thread.end();
  }
}

/** In memory of its own, which can be given to the thread. */
function whole(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function startThread(task: WorkbookTask) {
  const options = {
    workerData: task,
    transferList: [task.bytes.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    execArgv: [],
  };
  const worker = newWorker(options);
  const heard: WorkbookAnswer[] = [];
  let wake = (): void => {};
  let failure: Error | null = null;
  const fail = (error: Error): void => {
    failure = error;
    wake();
  };
  worker.on('message', (answer: WorkbookAnswer) => {
    heard.push(answer);
    wake();
  });
  worker.once('error', fail);
  worker.once('exit', (code) => fail(new Error(`the thread ended with ${code}`)));

  return {
    async next(): Promise<WorkbookAnswer> {
      const timer = setTimeout(fail, patienceMs, badFile(words.slow));
      try {
        while (heard.length === 0 && failure === null) await new Promise<void>((resolve) => (wake = resolve));
      } finally {
        clearTimeout(timer);
      }
      const answer = heard.shift();
      if (answer !== undefined) return answer;
      throw isOutOfMemory(failure) ? badFile(words.bomb) : failure!;
    },
    ask: () => worker.postMessage('next'),
    end: () => worker.terminate(),
  };
}

const isOutOfMemory = (error: Error | null): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';

/** A thread does not take over how a checkout loads TypeScript, so there it is told. */
function newWorker(options: ConstructorParameters<typeof Worker>[1]): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./read-workbook-thread.js', import.meta.url), options);
  const entry = new URL('./read-workbook-thread.ts', import.meta.url).href;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const loader = new URL('./dist/esm/api/index.mjs', tsx).href;
  const begin = `import(${JSON.stringify(loader)}).then(({ register }) => (register(), import(${JSON.stringify(entry)})))`;
  return new Worker(begin, { ...options, eval: true });
}

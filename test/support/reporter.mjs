// Mocha's reporter for `npm test`: one line for each top-level suite as it ends, each failure in full at the end, and
// the counts sent to scripts/test.ts over the process channel (never parsed out of text). When something keeps the
// process alive after the last test, it says what and ends it: a leak is a failure, not a wait.

import Mocha from 'mocha';

const { EVENT_RUN_BEGIN, EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_SUITE_END } = Mocha.Runner.constants;
const { EVENT_TEST_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } = Mocha.Runner.constants;

/** How long open handles (sockets in TIME_WAIT, a pool that drains) may take to close after the last test. */
const graceMs = 30_000;

export default class LangoReporter extends Mocha.reporters.Base {
  counts = { passed: 0, failed: 0, skipped: 0 };

  constructor(runner, options) {
    super(runner, options);
    // Mocha 12 takes a rejection that nobody awaits off Node's hands and drops it; thrown, it fails the test that runs.
    process.on('unhandledRejection', (reason) => {
      throw reason;
    });
    let depth = 0;
    let suite = { ...this.counts, startedAt: 0 };
    const count = (key) => {
      this.counts[key] += 1;
      suite[key] += 1;
      tell({ kind: 'counts', ...this.counts });
    };
    runner.on(EVENT_SUITE_BEGIN, ({ root }) => {
      if (!root && depth++ === 0) suite = { passed: 0, failed: 0, skipped: 0, startedAt: Date.now() };
    });
    runner.on(EVENT_SUITE_END, ({ root, title }) => {
      if (!root && --depth === 0) write(suiteLine(title, suite));
    });
    runner.on(EVENT_TEST_BEGIN, (test) => tell({ kind: 'test', title: test.fullTitle() }));
    runner.on(EVENT_TEST_PASS, () => count('passed'));
    runner.on(EVENT_TEST_PENDING, () => count('skipped'));
    runner.on(EVENT_TEST_FAIL, (test) => {
      count('failed');
      if (test.file !== undefined) tell({ kind: 'failed', file: test.file });
      write(`  ✗ ${test.fullTitle()}`);
    });
    runner.once(EVENT_RUN_BEGIN, () => tell({ kind: 'begin' }));
    runner.once(EVENT_RUN_END, () => {
      if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
      tell({ kind: 'end', ...this.counts });
      setTimeout(endLeakingProcess, graceMs).unref();
    });
  }
}

function suiteLine(title, { passed, failed, skipped, startedAt }) {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return `  ${failed > 0 ? '✗' : '✓'} ${title}: ${parts.join(', ')} (${Date.now() - startedAt} ms)`;
}

/** Listening sockets and timers are named by Node as resources; the runner's own standard streams are not the leak. */
function endLeakingProcess() {
  const open = process.getActiveResourcesInfo().filter((name) => !['PipeWrap', 'TTYWrap', 'TTYWRAP'].includes(name));
  // Undocumented, and the only way to tell whose socket it is.
  const sockets = process._getActiveHandles().filter(({ remotePort }) => remotePort !== undefined);
  const ends = sockets.map(
    ({ localPort, remotePort, remoteAddress }) => `${localPort} to ${remoteAddress}:${remotePort}`,
  );
  tell({ kind: 'leak', open: [...open, ...ends] });
  setTimeout(() => process.exit(1), 200);
}

function write(line) {
  process.stdout.write(`${line}\n`);
}

function tell(message) {
  if (process.connected) process.send(message);
}

// Group commit: what arrives together is written together, each gets its own result, and nobody fails for a neighbour,
// except when the failure is everybody's.

import { expect } from 'chai';
import { type BatcherOptions, createBatcher } from '../../../src/platform/batcher.ts';

const usual: BatcherOptions = { maxSize: 64, maxInFlight: 1, failsTogether: () => false };
const items = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const settled = (promises: Promise<number>[]): Promise<string[]> =>
  Promise.all(
    promises.map((one) =>
      one.then(
        (value) => `ok ${value}`,
        (error: Error) => error.message,
      ),
    ),
  );

/** A gate that holds every write until it is opened. */
function createGate(): { passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

describe('a batcher', () => {
  it('writes what arrives together in one batch and gives each its own result', async () => {
    const writes: number[][] = [];
    const batcher = createBatcher<number, number>(async (batch) => {
      writes.push([...batch]);
      return batch.map((item) => item * 10);
    }, usual);
    expect(await Promise.all(items(5).map(batcher.add))).to.deep.equal([0, 10, 20, 30, 40]);
    expect(writes).to.deep.equal([[0, 1, 2, 3, 4]]);
  });

  it('lets what arrives during a write share the next one', async () => {
    const sizes: number[] = [];
    const gate = createGate();
    const batcher = createBatcher<number, number>(async (batch) => {
      sizes.push(batch.length);
      await gate.passed;
      return batch;
    }, usual);
    const first = batcher.add(1);
    await new Promise((resolve) => setImmediate(resolve));
    const rest = items(20).map(batcher.add);
    gate.open();
    await Promise.all([first, ...rest]);
    expect(sizes).to.deep.equal([1, 20]);
  });

  it('keeps to the size of a batch and the number in flight', async () => {
    let inFlight = 0;
    let most = 0;
    const sizes: number[] = [];
    const batcher = createBatcher<number, number>(
      async (batch) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        sizes.push(batch.length);
        for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        inFlight -= 1;
        return batch;
      },
      { ...usual, maxSize: 4, maxInFlight: 2 },
    );
    expect(await Promise.all(items(18).map(batcher.add))).to.deep.equal(items(18));
    expect(Math.max(...sizes)).to.equal(4);
    expect(most).to.equal(2);
  });

  it('rejects only the item whose result is an error', async () => {
    const batcher = createBatcher<number, number>(
      async (batch) => batch.map((item) => (item === 1 ? new Error('bad item') : item)),
      usual,
    );
    expect(await settled(items(3).map(batcher.add))).to.deep.equal(['ok 0', 'bad item', 'ok 2']);
  });

  it('tries each alone when a batch throws, so that one bad item fails only itself', async () => {
    const writes: number[] = [];
    const batcher = createBatcher<number, number>(async (batch) => {
      writes.push(batch.length);
      if (batch.includes(2)) throw new Error('bad row');
      return batch;
    }, usual);
    expect(await settled(items(4).map(batcher.add))).to.deep.equal(['ok 0', 'ok 1', 'bad row', 'ok 3']);
    expect(writes).to.deep.equal([4, 1, 1, 1, 1]);
  });

  it('fails all at once, without trying each alone, when the failure is everybody’s', async () => {
    const writes: number[] = [];
    const batcher = createBatcher<number, number>(
      async (batch) => {
        writes.push(batch.length);
        throw new Error('database away');
      },
      { ...usual, failsTogether: (thrown) => (thrown as Error).message === 'database away' },
    );
    expect(await settled(items(4).map(batcher.add))).to.deep.equal(Array(4).fill('database away'));
    expect(writes).to.deep.equal([4]);
  });

  it('goes on after a failure', async () => {
    let fails = true;
    const batcher = createBatcher<number, number>(async (batch) => {
      if (fails) throw new Error('no');
      return batch;
    }, usual);
    expect(await settled([batcher.add(1)])).to.deep.equal(['no']);
    fails = false;
    expect(await batcher.add(2)).to.equal(2);
  });

  it('drains when nothing waits or is being written, also after failures, and at once when idle', async () => {
    let written = 0;
    const batcher = createBatcher<number, number>(
      async (batch) => {
        await new Promise((resolve) => setImmediate(resolve));
        written += batch.length;
        if (batch.includes(7)) throw new Error('seven');
        return batch;
      },
      { ...usual, maxSize: 3 },
    );
    await batcher.drain();
    const all = settled(items(10).map(batcher.add));
    await batcher.drain();
    expect(written).to.be.at.least(10);
    expect((await all).filter((one) => one.startsWith('ok'))).to.have.length(9);
  });
});

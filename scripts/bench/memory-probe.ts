// Loaded into the gateway's process by the memory measurement (`node --import`): when asked, collects the garbage and
// says how much memory is left in use. It never keeps the process alive.

process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rss, heapUsed, external });
});
process.channel?.unref();

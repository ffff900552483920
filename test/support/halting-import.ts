// A process that imports a statement and stands still in the middle, after so many steps, until it is killed: for tests of
// what a crash leaves. `node --import tsx test/support/halting-import.ts SHORTCODE FILE STEPS`

import { createReadStream } from 'node:fs';
import { composeCore } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { findShortcodeAcrossTenants } from '../../src/mpesa/shortcode-store.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { importStatement } from '../../src/reconciliation/import-statement.ts';
import { previewStatement } from '../../src/reconciliation/preview-statement.ts';

const [shortcodeId, file, steps] = process.argv.slice(2);
const core = await composeCore(readConfig(), { logger: createLogger('silent') });
const shortcode = (await findShortcodeAcrossTenants(core.db, shortcodeId!))!;
const upload = { shortcode, fileName: file!, bytes: createReadStream(file!), createdBy: 'cli' };
const { statement } = await previewStatement(core, upload);
let done = 0;
await importStatement({ ...core, reconcileDay: async () => undefined }, statement.id, {
  async onProgress() {
    done += 1;
    if (done < Number(steps)) return;
    process.stdout.write(`${statement.id}\n`);
    setInterval(() => undefined, 60_000);
    await new Promise(() => undefined);
  },
});

// `lango operators …` and `lango audit verify`: who may come into the console, and whether what they did is still written
// down as it was. Run on the server itself, so whoever can run them is trusted as an owner; they are audited all the
// same.

import { type Command, Option } from 'commander';
import type { Core } from '../src/compose.ts';
import {
  createOperator,
  createOwnerLink,
  createPasswordLink,
  linkOf,
  type OperatorDeps,
} from '../src/console/manage-operators.ts';
import { operatorRoles } from '../src/console/permissions.ts';
import { verifyAudit } from '../src/platform/audit-store.ts';
import { actDeps, byCommand, print, readStandardInput, withCore } from './command-line.ts';

function operatorDeps(core: Core): OperatorDeps {
  return { ...actDeps(core), sealer: core.sealer, consoleKey: core.dataKeys.console };
}

const json = new Option('--json', 'print one JSON object');
const hint = 'Type the password (12 characters or more), then Ctrl-D; nothing at all for a one-time link instead:\n';

export function addOperatorCommands(program: Command): void {
  const operators = program.command('operators').description('people who may use the console');

  operators
    .command('create')
    .description('make an operator; the password on standard input, or none for a one-time link')
    .requiredOption('--email <email>', 'who')
    .addOption(new Option('--role <role>', 'what he may do').choices(operatorRoles).makeOptionMandatory())
    .option('--tenant <id>', 'only this tenant; all tenants otherwise')
    .addOption(json)
    .action(async ({ email, role, tenant, ...options }) => {
      const password = (await readStandardInput(hint)).replace(/\r?\n$/, '');
      await withCore(async (core) => {
        const request = { email, role, tenantId: tenant ?? null, password: password === '' ? null : password };
        const { operator, linkToken } = await createOperator(operatorDeps(core), byCommand(), request);
        const link = linkToken === null ? null : linkOf(core.config.publicUrl, linkToken);
        const words = link === null ? '' : ` Open this within three days to set a password: ${link}`;
        print(options, { id: operator.id, ...(link === null ? {} : { link }) }, `Made ${role} ${email}.${words}`);
      });
    });

  operators
    .command('link')
    .description('a one-time link: for a new password and authenticator, or for the first owner when there is none')
    .option('--email <email>', 'whose password; none for the first owner')
    .addOption(json)
    .action(async ({ email, ...options }) => {
      await withCore(async (core) => {
        const deps = operatorDeps(core);
        const token =
          email === undefined
            ? await createOwnerLink(deps, byCommand())
            : (await createPasswordLink(deps, byCommand(), { email })).linkToken;
        if (token === null) throw new Error('There is an owner already: give --email for whom the link is.');
        const link = linkOf(core.config.publicUrl, token);
        print(options, { link }, `Open this once: ${link}`);
      });
    });

  program
    .command('audit')
    .description('the log of what people did')
    .command('verify')
    .description('check the chain of the audit log; exit 1 and the first broken row if it does not hold')
    .addOption(json)
    .action(async (options) => {
      await withCore(async (core) => {
        const verdict = await verifyAudit(core.db, core.dataKeys.audit);
        if (verdict.isIntact)
          return print(
            options,
            { intact: true, rows: verdict.lastSeq },
            `The chain is intact to row ${verdict.lastSeq}.`,
          );
        process.exitCode = 1;
        const words = `The chain is broken at row ${verdict.brokenSeq}: ${verdict.why}.`;
        print(options, { intact: false, broken_row: verdict.brokenSeq, why: verdict.why }, words);
      });
    });
}

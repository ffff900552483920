// `lango shortcodes show`, `register-c2b` and `register-pull`: where a shortcode's confirmations arrive, and having
// Safaricom send and tell them (daraja.md sections 6.3 and 6.4).

import { type Command, Option } from 'commander';
import type { Core } from '../src/compose.ts';
import { type FeedActDeps, registerC2bAs, registerPullAs } from '../src/console/feed-acts.ts';
import { connectMpesa } from '../src/mpesa/connect-mpesa.ts';
import { getShortcode } from '../src/mpesa/manage-shortcodes.ts';
import { isoTime } from '../src/platform/clock.ts';
import { connectSharedServices } from '../src/platform/shared-services.ts';
import { type AskedFeed, describeFeed } from '../src/reconciliation/manage-feeds.ts';
import { actDeps, byCommand, print, withCore } from './command-line.ts';

const json = new Option('--json', 'print one JSON object');

export function addFeedCommands(shortcodes: Command): void {
  shortcodes
    .command('show')
    .description('a shortcode, where its confirmations arrive and how its sources stand; never its credentials')
    .requiredOption('--id <id>', 'the shortcode')
    .addOption(json)
    .action((options) =>
      withCore(async (core) => {
        const shown = await show(core, options.id);
        const lines = Object.entries(shown).map(([name, value]) => `${name.padEnd(24)} ${value ?? '–'}`);
        print(options, shown, lines.join('\n'));
      }),
    );

  shortcodes
    .command('register-c2b')
    .description('have Safaricom send the confirmations of a shortcode here')
    .requiredOption('--id <id>', 'the shortcode')
    .option('--reason <reason>', 'why, for the audit log')
    .addOption(json)
    .action((options) =>
      withFeeds(async (deps, core) => {
        const asked = await registerC2bAs(deps, byCommand(), options.id, options.reason ?? null);
        if (asked.outcome !== 'registered') throw new Error(asked.words);
        const { confirmation_url, validation_url } = await show(core, options.id);
        print(
          options,
          { ...answerOf(asked), confirmation_url, validation_url },
          `${asked.words}\n${confirmation_url}\n${validation_url}`,
        );
      }),
    );

  shortcodes
    .command('register-pull')
    .description('pull the transactions of a live shortcode (or one of the simulator) from now on')
    .requiredOption('--id <id>', 'the shortcode')
    .requiredOption('--phone <number>', 'the number nominated for it at Safaricom')
    .option('--reason <reason>', 'why, for the audit log')
    .addOption(json)
    .action((options) =>
      withFeeds(async (deps) => {
        const asked = await registerPullAs(deps, byCommand(), options.id, options.phone, options.reason ?? null);
        if (asked.outcome !== 'registered' && asked.outcome !== 'alreadyRegistered') throw new Error(asked.words);
        print(options, answerOf(asked), asked.words);
      }),
    );
}

const outcomes = { registered: 'registered', alreadyRegistered: 'already_registered' } as const;

function answerOf({ shortcode, outcome }: AskedFeed): { id: string; outcome: string } {
  return { id: shortcode.id, outcome: outcomes[outcome as keyof typeof outcomes] };
}

async function show({ db, config, dataKeys }: Core, shortcodeId: string) {
  const shortcode = await getShortcode({ db }, shortcodeId);
  const deps = { db, publicUrl: config.publicUrl, callbackKey: dataKeys.callbacks };
  const feed = await describeFeed(deps, shortcodeId);
  return {
    id: shortcode.id,
    tenant: shortcode.tenantId,
    mode: shortcode.mode,
    environment: shortcode.environment,
    kind: shortcode.kind,
    shortcode: shortcode.shortcode,
    till: shortcode.till,
    status: shortcode.status,
    credentials_fingerprint: shortcode.credentialId,
    confirmation_url: feed.confirmationUrl,
    validation_url: feed.validationUrl,
    c2b_registered_at: isoTime(feed.c2bRegisteredAt),
    c2b_last_heard_at: isoTime(feed.c2bLastHeardAt),
    pull_registered_at: isoTime(feed.pullRegisteredAt),
    pulled_at: isoTime(feed.pulledAt),
    pull_problem: feed.pullProblem,
  };
}

/** With a way to Safaricom, which shares the servers' access tokens where there is a Redis. */
async function withFeeds(run: (deps: FeedActDeps, core: Core) => Promise<void>): Promise<void> {
  await withCore(async (core) => {
    const { config, clock, logger, dataKeys } = core;
    const services = connectSharedServices(config.redisUrl, config.redisPrefix, clock, logger);
    const { cache, limiter } = services;
    const callbackKey = dataKeys.callbacks;
    const { daraja, close } = connectMpesa({ ...core, cache, limiter, callbackKey }, config);
    const { darajaUrls, publicUrl } = config;
    try {
      await run({ ...core, ...actDeps(core), daraja, darajaUrls, publicUrl, callbackKey }, core);
    } finally {
      await close();
      await services.queue.close();
      await services.close();
    }
  });
}

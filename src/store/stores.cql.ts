// The stores that nodes share, on Cassandra or ScyllaDB: all but what may be lost, which is Redis's.
import type { ChatId } from '../structures/ids.ts';
import { type AppendChain, appendChain } from './append-ids.cql.ts';
import { cqlChats } from './chats.cql.ts';
import type { ClientOptions } from './client.cql.ts';
import type { Dialect } from './cql-settings.ts';
import { cqlDevices } from './devices.cql.ts';
import { cqlFeatureLevel, type FeatureLevel } from './feature-level.cql.ts';
import { Followers } from './followers.cql.ts';
import type { Report } from './home.level.ts';
import { cqlInbox } from './inbox.cql.ts';
import { Logs } from './logs.cql.ts';
import { type CqlMessages, cqlMessages } from './messages.cql.ts';
import { cqlReceipts } from './receipts.cql.ts';
import { type CqlMigration, openSchema } from './schema.cql.ts';
import { CqlSession } from './session.cql.ts';
import type { Stores } from './stores.ts';
import { cqlTokens } from './tokens.cql.ts';
import { cqlUsers } from './users.cql.ts';

export type { Report } from './home.level.ts';

export interface CqlStoresOptions extends ClientOptions {
  /** The name of this node, which stands beside what it has written last. */
  readonly node: string;
  readonly onReport: (report: Report) => void;
  /** How long `close` waits for appends whose outcome is unknown. */
  readonly closeMsMax?: number;
  /** Chats whose heads are held, at about 300 bytes each. */
  readonly headsMax?: number;
  /** For tests of the chain itself. */
  readonly migrations?: readonly CqlMigration[];
}

/** Since the opening; read, never written, by others. */
export interface CqlCounts {
  readonly appends: number;
  /** Appends that were refused because somebody else had written. */
  readonly superseded: number;
  /** Conditional writes whose outcome was unknown for a while. */
  readonly unknown: number;
  /** Submissions of those, after the first. */
  readonly resubmitted: number;
  /** Other statements that were tried again. */
  readonly repeated: number;
  /** Tries that failed, of statements and of the question whether the store is back. */
  readonly failed: number;
  /** Reads at LOCAL_SERIAL: what was found half done, or had to be certain. */
  readonly serialReads: number;
}

export interface CqlStores extends Omit<Stores, 'presence'> {
  readonly featureLevel: FeatureLevel;
  readonly dialect: Dialect;
  readonly dataCenter: string;
  /** Which append each entry of a chat came with. */
  appendChain(chatId: ChatId): Promise<AppendChain>;
  counts(): CqlCounts;
  /** Requests under way now, and those that wait for their turn. */
  load(): { readonly requests: number; readonly waiting: number };
}

/** Rejects with StoreRefused for settings and keyspaces that will never work, with StoreUnavailable where nobody answers; both with what to do. */
export async function openCqlStores(options: CqlStoresOptions): Promise<CqlStores> {
  const { node, headsMax, closeMsMax = 10_000 } = options;
  const session = await CqlSession.connect(options);
  try {
    const { incarnation, dialect } = await openSchema(session, options);
    const logs = new Logs(session);
    const followers = new Followers(session);
    const messages = cqlMessages(session, logs, { owner: node, onOpen: (chatId) => followers.forget(chatId), ...(headsMax !== undefined && { headsMax }) });
    return {
      messages,
      chats: cqlChats(session),
      inbox: cqlInbox({ session, logs, followers, incarnation }),
      receipts: cqlReceipts({ session, followers, incarnation }),
      users: cqlUsers(session),
      devices: cqlDevices(session),
      tokens: cqlTokens(session),
      featureLevel: cqlFeatureLevel(session),
      incarnation,
      appendChain: (chatId) => appendChain(session, logs, chatId),
      dialect,
      dataCenter: session.dataCenter,
      counts: () => ({ ...messages.counts, ...session.counts }),
      load: () => ({ requests: session.load.requests, waiting: session.load.waiting }),
      trouble: () => session.trouble,
      close: () => close(session, messages, closeMsMax),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What is under way is finished first, if it can be: an append of unknown outcome is asked for until then, and left as it is where no answer comes. */
async function close(session: CqlSession, messages: CqlMessages, msMax: number): Promise<void> {
  const finished = messages.finish();
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, msMax);
  });
  await Promise.race([finished, tooLong]);
  clearTimeout(timer);
  session.stopTrying();
  await finished;
  await session.close();
}

// Who is there and who was seen last when, for all nodes, in Redis.
// A user's row holds the last time seen and which nodes have the user; a node's word counts while its beat goes on, so those of one that died do not stay "online".
import { randomBytes } from 'node:crypto';
import type { UserId } from '../structures/ids.ts';
import type { RedisConnection } from './connection.redis.ts';
import { StoreUnavailable } from './faults.ts';
import type { LastSeen, PresenceStore } from './presence.ts';

export const redisPresenceMax = {
  /** A node says so often that it lives. */
  beatMs: 10_000,
  /** One whose beat is older does not count. */
  silentMs: 35_000,
  /** A row stands so long after the last word about its user; whoever is connected for longer without a break is then unknown. */
  rowMs: 90 * 24 * 60 * 60_000,
  /** Rows written with one command. */
  batch: 500,
  /** Users who have left and wait to be written; the rest stand as they were last told of. */
  waiting: 100_000,
} as const;

// KEYS: rows. ARGV: how long a row stands, this node, then for each row: 1 (online) or 0, when.
const putScript = `
for at, row in ipairs(KEYS) do
  local online, seen = ARGV[1 + 2 * at], ARGV[2 + 2 * at]
  if tonumber(seen) >= tonumber(redis.call('hget', row, 'seen') or '0') then redis.call('hset', row, 'seen', seen) end
  if online == '1' then redis.call('hset', row, ARGV[2], '1') else redis.call('hdel', row, ARGV[2]) end
  redis.call('pexpire', row, ARGV[1])
end
return 1`;

// KEYS: a row. ARGV: what the keys of beats begin with, how long a node may be silent. Answers when seen, then the nodes that have the user; nothing where there is no row.
const getScript = `
local time = redis.call('time')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local row = redis.call('hgetall', KEYS[1])
if #row == 0 then return {} end
local seen, nodes = 0, {}
for at = 1, #row, 2 do
  if row[at] == 'seen' then seen = math.max(seen, tonumber(row[at + 1]))
  else
    local beatMs = tonumber(redis.call('get', ARGV[1] .. row[at]) or '0')
    if nowMs - beatMs <= tonumber(ARGV[2]) then table.insert(nodes, row[at]) else
      seen = math.max(seen, beatMs)
      redis.call('hdel', KEYS[1], row[at])
      redis.call('hset', KEYS[1], 'seen', string.format('%.0f', seen))
    end
  end
end
return {string.format('%.0f', seen), unpack(nodes)}`;

// KEYS: this node's beat. ARGV: how long it stands. Answers 1 where the last one was still there, else 0: Redis has forgotten.
const beatScript = `
local time = redis.call('time')
local had = redis.call('exists', KEYS[1])
redis.call('set', KEYS[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), 'PX', ARGV[1])
return had`;

export interface RedisPresence extends PresenceStore {
  /** Ends the beat: this node's users count as gone. */
  close(): Promise<void>;
}

export interface RedisPresenceOptions {
  /** This node's id. */
  readonly node: string;
  readonly beatMs?: number;
  readonly silentMs?: number;
}

export function redisPresence(connection: RedisConnection, { node, beatMs = redisPresenceMax.beatMs, silentMs = redisPresenceMax.silentMs }: RedisPresenceOptions): RedisPresence {
  const writer = new Writer(connection, `${node} ${randomBytes(6).toString('hex')}`); // a node that starts again is another one: its former users are not here
  const beats = `${connection.prefix}:beat:`;
  const beat = async (): Promise<void> => {
    const key = `${beats}${writer.life}`;
    const had = await connection.run((client) => client.eval(beatScript, 1, key, redisPresenceMax.rowMs)).catch(() => 1); // out of reach: tried again once it is back
    if (had === 0) writer.everybodyAnew();
  };
  const timer = setInterval(beat, beatMs);
  timer.unref();
  connection.onBack(() => {
    void beat();
    writer.everybodyAnew(); // it may have been away for long, or forgotten all
  });
  return {
    put: (seen) => writer.put(seen),
    async get(userId) {
      const found = (await connection.run((client) => client.eval(getScript, 1, writer.keyOf(userId), beats, silentMs))) as readonly string[];
      const [seen, ...lives] = found;
      return seen === undefined ? undefined : { userId, online: lives.length > 0, lastSeenMs: Number(seen), nodes: lives.map(nodeOf) };
    },
    async close() {
      clearInterval(timer);
      await writer.flushed();
      await connection.run((client) => client.del(`${beats}${writer.life}`)).catch(() => undefined); // it goes silent by itself
    },
  };
}

function nodeOf(life: string): string {
  return life.slice(0, life.lastIndexOf(' '));
}

/** Puts, many at once, one command at a time; what could not be written is kept, within bounds, until Redis is back. */
class Writer {
  readonly life: string;
  readonly #connection: RedisConnection;
  readonly #online = new Map<UserId, LastSeen>();
  #waiting = new Map<UserId, LastSeen>();
  #writing: Promise<void> | undefined;

  constructor(connection: RedisConnection, life: string) {
    this.#connection = connection;
    this.life = life;
  }

  keyOf(userId: UserId): string {
    return `${this.#connection.prefix}:presence:${userId}`;
  }

  async put(seen: LastSeen): Promise<void> {
    if (seen.online) this.#online.set(seen.userId, seen);
    else this.#online.delete(seen.userId);
    this.#waiting.delete(seen.userId);
    this.#waiting.set(seen.userId, seen);
    if (this.#waiting.size > redisPresenceMax.waiting) this.#forgetOldest();
    if (!this.#connection.isUp) throw new StoreUnavailable('Redis is out of reach: presence is written when it is back.');
    // What is being written may be an older word about this user: it is done once the round after that has ended.
    while (this.#waiting.get(seen.userId) === seen) await this.flush();
  }

  flush(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async flushed(): Promise<void> {
    if (this.#waiting.size > 0) await this.flush().catch(() => undefined);
  }

  everybodyAnew(): void {
    for (const [userId, seen] of this.#online) if (!this.#waiting.has(userId)) this.#waiting.set(userId, seen);
    this.flush().catch(() => undefined); // kept until Redis is back
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting.values()].slice(0, redisPresenceMax.batch);
      const words = batch.flatMap(({ online, lastSeenMs }) => [online ? 1 : 0, lastSeenMs]);
      const keys = batch.map(({ userId }) => this.keyOf(userId));
      await this.#connection.run((client) => client.eval(putScript, keys.length, ...keys, redisPresenceMax.rowMs, this.life, ...words));
      for (const seen of batch) if (this.#waiting.get(seen.userId) === seen) this.#waiting.delete(seen.userId);
    }
  }

  /** Those who are here are written again when Redis is back; of those who left the longest gone is forgotten. */
  #forgetOldest(): void {
    for (const userId of this.#waiting.keys()) return void this.#waiting.delete(userId);
  }
}

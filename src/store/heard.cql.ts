// What was made in the schema, once every node of the store has it: the next statement may go to any of them.
import { StoreUnavailable } from './faults.ts';
import type { CqlSession, Row, Statement } from './session.cql.ts';

/** A look at the schema that finds one row where the node that is asked knows of what was made. */
export interface Look extends Statement {
  /** For the operator: `the keyspace parley`. */
  readonly what: string;
}

const pollMs = 50;
const hearMsMax = 30_000;

/**
 * The row. Nodes that do not answer are not waited for. Rejects with StoreUnavailable, naming those that answer and do not have it after `msMax`.
 * The driver waits for less: that the node which made it knows of no other with another schema, and in a ring that has just come up it knows of few.
 */
export async function heardByAll(session: CqlSession, { what, query, params }: Look, msMax = hearMsMax): Promise<Row> {
  for (const untilMs = Date.now() + msMax; ; ) {
    const answers = await Promise.all(
      session.client.hosts.values().map((host) =>
        session.client.execute(query, params as unknown[], { prepare: true, isIdempotent: true, host }).then(
          ({ rows: [row] }) => ({ node: host.address, row }),
          () => undefined, // down, or not to be asked
        ),
      ),
    );
    const lacking = answers.flatMap((answer) => (answer !== undefined && answer.row === undefined ? [answer.node] : []));
    const row = answers.find((answer) => answer?.row !== undefined)?.row ?? (await session.one(query, params)); // which fails with a reason where nobody answers
    if (row !== undefined && lacking.length === 0) return row;
    if (Date.now() > untilMs)
      throw new StoreUnavailable(
        `Nodes of the store have not heard of ${what} within ${msMax / 1_000} s: ${lacking.join(', ')}. Do they see the others, and all have one schema (nodetool describecluster)? Then start again.`,
      );
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

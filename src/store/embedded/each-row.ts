import type Database from 'libsql';

/**
 * Walks through the rows of a statement. Where its reader stops early the driver would leave the statement open until it
 * is collected as garbage, and as long the connection would show the database as it was: running it again for one row
 * closes it.
 */
export function* eachRow(statement: Database.Statement, parameters: readonly unknown[]): Generator<unknown> {
  let isAtEnd = false;
  try {
    yield* statement.iterate([...parameters]) as IterableIterator<unknown>;
    isAtEnd = true;
  } finally {
    if (!isAtEnd) statement.get([...parameters]);
  }
}

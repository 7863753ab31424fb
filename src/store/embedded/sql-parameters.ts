/** Collects the values of a query, which are bound and never become part of its text. */
export interface SqlParameters {
  /** Gives the placeholder of a value. */
  bind(value: string | number): string;
  values(): readonly (string | number)[];
}

export function createSqlParameters(): SqlParameters {
  const values: (string | number)[] = [];
  return {
    bind: (value) => {
      values.push(value);
      return `?${values.length}`;
    },
    values: () => values,
  };
}

/** A filter cannot be read, or asks for something that the resource does not have. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  /** Where, in UTF-16 code units from 0. */
  readonly position: number;

  /** `problem` says what was expected, and what was found instead. */
  constructor(position: number, problem: string) {
    super(`at position ${position}: ${problem}`);
    this.position = position;
  }
}
